package api

// sessionRoutes are what people do about being signed in.
func (a *api) sessionRoutes() {
}
