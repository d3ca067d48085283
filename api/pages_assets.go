package api

import (
	"io"
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"portico/domain/tenant"
	"portico/web/assets"
	"portico/web/brand"
)

// frameRoutes are what pages are drawn with: style, scripts and fonts, and the business's own
// colour and mark. Nothing in them is anybody's: they need no session, and leave no record.
func (a *api) frameRoutes() {
	a.open(assets.Prefix+"*", "Assets", assets.Handler())
	a.open(brand.Prefix+"{name}", "BrandSheet", http.HandlerFunc(a.brandSheet))
	a.open(logoPrefix+"{hash}", "Logo", http.HandlerFunc(a.logo))
}

// brandSheet is the colour of the business whose host name was asked. Its name is that of its
// content.
func (a *api) brandSheet(w http.ResponseWriter, r *http.Request) {
	look, err := a.brandingOf(r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	name, css, err := brand.Sheet(look.Colour)
	if err != nil || name != chi.URLParam(r, "name") {
		http.NotFound(w, r)
		return
	}
	forEver(w, "text/css; charset=utf-8")
	_, _ = w.Write(css) // the browser may be gone
}

// logo is the business's mark, and no other file.
func (a *api) logo(w http.ResponseWriter, r *http.Request) {
	look, err := a.brandingOf(r)
	if err != nil {
		a.refuse(w, r, err)
		return
	}
	if look.Logo == "" || look.Logo != chi.URLParam(r, "hash") {
		http.NotFound(w, r)
		return
	}
	file, err := a.Files.Read(r.Context(), look.Logo)
	if err != nil {
		a.refuse(w, r, a.failed(r.Context(), err))
		return
	}
	defer file.Close()
	picture, err := io.ReadAll(io.LimitReader(file, maxLogo+1))
	if err != nil || len(picture) > maxLogo {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(picture)))
	forEver(w, http.DetectContentType(picture)) // PNG or JPEG: it was looked at when it was uploaded
	_, _ = w.Write(picture)
}

func (a *api) brandingOf(r *http.Request) (tenant.Branding, error) {
	r, err := a.settle(requestOf(r.Context()), r)
	if err != nil {
		return tenant.Branding{}, err
	}
	t, err := a.Commands.Tenant(r.Context(), a.tenantOf(r.Context()))
	return t.Branding(), err
}

const maxLogo = 2 << 20 // bytes

func forEver(w http.ResponseWriter, mediaType string) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
}
