/* A disk that is full while the file $ENOSPC_FLAG exists: files under a directory named
 * $ENOSPC_IN ("/base/", "/pg_wal/") do not get longer; what is there may be overwritten. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int full(int fd, off_t end)
{
	const char *flag = getenv("ENOSPC_FLAG"), *in = getenv("ENOSPC_IN");
	char link[64], path[4096];
	struct stat st;
	ssize_t n;

	if (!flag || !in || access(flag, F_OK) != 0)
		return 0;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || end <= st.st_size)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof path - 1);
	if (n <= 0)
		return 0;
	path[n] = 0;
	return strstr(path, in) != NULL;
}

static off_t total(const struct iovec *v, int n)
{
	off_t sum = 0;
	for (int i = 0; i < n; i++)
		sum += v[i].iov_len;
	return sum;
}

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))
#define REFUSE(fd, end, answer) do { if (full(fd, end)) { errno = ENOSPC; return answer; } } while (0)

ssize_t pwrite(int fd, const void *b, size_t n, off_t at) { REFUSE(fd, at + (off_t) n, -1); return REAL(pwrite)(fd, b, n, at); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t at) { REFUSE(fd, at + (off_t) n, -1); return REAL(pwrite64)(fd, b, n, at); }
ssize_t pwritev(int fd, const struct iovec *v, int n, off_t at) { REFUSE(fd, at + total(v, n), -1); return REAL(pwritev)(fd, v, n, at); }
ssize_t pwritev64(int fd, const struct iovec *v, int n, off64_t at) { REFUSE(fd, at + total(v, n), -1); return REAL(pwritev64)(fd, v, n, at); }

ssize_t write(int fd, const void *b, size_t n)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	if (at >= 0)
		REFUSE(fd, at + (off_t) n, -1);
	return REAL(write)(fd, b, n);
}

int posix_fallocate(int fd, off_t at, off_t n) { if (full(fd, at + n)) return ENOSPC; return REAL(posix_fallocate)(fd, at, n); }
int posix_fallocate64(int fd, off64_t at, off64_t n) { if (full(fd, at + n)) return ENOSPC; return REAL(posix_fallocate64)(fd, at, n); }
int fallocate(int fd, int mode, off_t at, off_t n) { REFUSE(fd, at + n, -1); return REAL(fallocate)(fd, mode, at, n); }
int fallocate64(int fd, int mode, off64_t at, off64_t n) { REFUSE(fd, at + n, -1); return REAL(fallocate64)(fd, mode, at, n); }
