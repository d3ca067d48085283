package pgtest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/jackc/pgx/v5"

	"portico/internal/pgserver"
	"portico/migrations"
)

// preparedTemplate is the migrated database of a prepared cluster.
const preparedTemplate = namePrefix + "prepared"

// prepare makes dir a copy of the cluster that the processes of one run share, in the
// directory that PORTICO_TEST_CLUSTER names; the first to come makes it. The template is
// "" if no directory is named: then the server makes a cluster of its own, in two seconds.
func prepare(ctx context.Context, dir string) (template string, err error) {
	// os.Getenv would tell go test that results depend on it, and none could be kept.
	place, _ := syscall.Getenv("PORTICO_TEST_CLUSTER")
	if place == "" {
		return "", nil
	}
	from := filepath.Join(place, "pg")
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		if err := makeCluster(ctx, place, from); err != nil {
			return "", err
		}
	}
	if out, err := exec.CommandContext(ctx, "cp", "-a", from, dir).CombinedOutput(); err != nil { // with its owner
		return "", fmt.Errorf("copying a cluster: %w: %s", err, out)
	}
	return preparedTemplate, nil
}

// makeCluster makes it beside its place: what is there is complete. Of two processes that do
// so at once the second finds the first's.
func makeCluster(ctx context.Context, place, to string) error {
	beside, err := os.MkdirTemp(place, "new-")
	if err != nil {
		return err
	}
	if err := os.Chmod(beside, 0o755); err != nil { // the server may be another user
		return err
	}
	alive, err := guard(beside)
	if err != nil {
		return err
	}
	defer alive() // and the directory goes
	dir := filepath.Join(beside, "pg")
	server, err := pgserver.Start(ctx, pgserver.Options{Dir: dir, Log: os.Stderr, Fast: true})
	if err != nil {
		return err
	}
	if err := errors.Join(migrated(ctx, server), server.Stop()); err != nil {
		return err
	}
	if err := os.Rename(dir, to); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

func migrated(ctx context.Context, server *pgserver.Server) error {
	admin, err := pgx.Connect(ctx, server.AdminURL("postgres"))
	if err != nil {
		return err
	}
	defer admin.Close(context.WithoutCancel(ctx))
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+preparedTemplate+" OWNER "+pgserver.Database); err != nil {
		return err
	}
	_, err = migrations.Up(ctx, server.URL(preparedTemplate))
	return err
}
