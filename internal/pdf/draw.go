package pdf

// Draw draws a paper. It is safe for concurrent use.
func Draw(p Paper) (Drawn, error) {
	return Drawn{}, nil
}
