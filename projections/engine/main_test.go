package engine

import (
	"testing"

	"portico/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
