package signin

// Provider is another place.
type Provider struct{}
