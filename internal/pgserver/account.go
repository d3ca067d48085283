package pgserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the user that the server runs as: we, or somebody else if we are root,
// because PostgreSQL refuses to run as root.
type account struct {
	name     string
	uid, gid int
}

func (a account) other() bool { return a.uid != os.Geteuid() }

// attr starts a process as that user, in a session of its own: a Ctrl-C at our terminal
// is for us, and we stop the server in our own order.
func (a account) attr() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if a.other() {
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return attr
}

// choose finds the account for a directory: whoever owns its cluster, else, as root, the
// first of the users postgres and nobody that exists.
func choose(dir string) (account, error) {
	euid := os.Geteuid()
	owner, err := ownerOf(filepath.Join(dir, "cluster"))
	switch {
	case errors.Is(err, fs.ErrNotExist) && euid == 0:
		return firstUser("postgres", "nobody")
	case errors.Is(err, fs.ErrNotExist):
		return account{"", euid, os.Getegid()}, nil
	case err != nil:
		return account{}, fmt.Errorf("%s is not ours to use: run as the user who started it first, or choose another data directory: %w", dir, err)
	case owner.uid == 0:
		return account{}, fmt.Errorf("%s/cluster belongs to root, and PostgreSQL does not run as root: give it to another user (chown -R postgres %s)", dir, dir)
	case owner.uid != euid && euid != 0:
		return account{}, fmt.Errorf("%s/cluster belongs to user %d: run as that user, or choose another data directory", dir, owner.uid)
	}
	return owner, nil
}

func ownerOf(path string) (account, error) {
	info, err := os.Stat(path)
	if err != nil {
		return account{}, err
	}
	st := info.Sys().(*syscall.Stat_t)
	a := account{uid: int(st.Uid), gid: int(st.Gid)}
	if u, err := user.LookupId(strconv.Itoa(a.uid)); err == nil {
		a.name = u.Username
	}
	return a, nil
}

func firstUser(names ...string) (account, error) {
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err1 == nil && err2 == nil {
			return account{name, uid, gid}, nil
		}
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as: apt-get install postgresql makes one")
}

// canEnter explains which directory on the way the account may not pass, if any.
func (a account) canEnter(dir string) error {
	if !a.other() {
		return nil
	}
	test := exec.Command("/bin/sh", "-c", `cd -- "$0"`, dir)
	test.Dir, test.SysProcAttr = "/", a.attr()
	if test.Run() == nil {
		return nil
	}
	blocked := dir
	for d := dir; ; d = filepath.Dir(d) {
		if info, err := os.Stat(d); err == nil && !a.passes(info) {
			blocked = d
		}
		if d == filepath.Dir(d) {
			break
		}
	}
	return fmt.Errorf("PostgreSQL does not run as root, and user %s cannot enter %s: choose a data directory elsewhere, for example /var/lib/portico, or run: chmod o+x %s",
		a.name, blocked, blocked)
}

// passes goes by the mode alone; it names the culprit once entering has failed.
func (a account) passes(info fs.FileInfo) bool {
	st, mode := info.Sys().(*syscall.Stat_t), info.Mode()
	switch {
	case int(st.Uid) == a.uid:
		return mode&0o100 != 0
	case int(st.Gid) == a.gid:
		return mode&0o010 != 0
	}
	return mode&0o001 != 0
}

// own makes a directory that only the account (and root) can enter. An existing one must
// already be its own, or empty and ours to give: in a shared place such as /tmp anybody
// could have made it.
func (a account) own(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	switch st := info.Sys().(*syscall.Stat_t); {
	case !info.IsDir():
		return fmt.Errorf("%s is not a directory", dir)
	case int(st.Uid) == a.uid && info.Mode().Perm() == 0o700:
		return nil
	case int(st.Uid) == a.uid:
		return os.Chmod(dir, 0o700)
	case int(st.Uid) != os.Geteuid():
		return fmt.Errorf("%s belongs to user %d, not to %d: choose another data directory", dir, st.Uid, a.uid)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) > 0 {
		return fmt.Errorf("%s is not empty, and it would have to be given to user %s: choose another data directory", dir, a.name)
	}
	if err := os.Chown(dir, a.uid, a.gid); err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}
