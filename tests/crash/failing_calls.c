/* LD_PRELOAD: lets call number FAIL_COUNT of FAIL_CALL on journal files, and every one after it, fail with EIO. Threads
   other than the commit thread make none of these calls but at the start. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

static int fails(const char *name)
{
    static int count;
    const char *call = getenv("FAIL_CALL"), *at = getenv("FAIL_COUNT");
    if (!call || !at || strcmp(call, name))
        return 0;
    return __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) >= atoi(at);
}

extern ssize_t pwrite(int, const void *, size_t, off_t);
extern int fdatasync(int), fsync(int), renameat(int, const char *, int, const char *), posix_fallocate(int, off_t, off_t);

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    if (fails("pwrite")) {
        errno = EIO;
        return -1;
    }
    return REAL(pwrite)(fd, data, size, offset);
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t offset)
{
    return pwrite(fd, data, size, offset);
}

int fdatasync(int fd)
{
    if (fails("fdatasync")) {
        errno = EIO;
        return -1;
    }
    return REAL(fdatasync)(fd);
}

int fsync(int fd)
{
    if (fails("fsync")) {
        errno = EIO;
        return -1;
    }
    return REAL(fsync)(fd);
}

int renameat(int from, const char *old, int to, const char *new)
{
    if (fails("renameat")) {
        errno = EIO;
        return -1;
    }
    return REAL(renameat)(from, old, to, new);
}

int posix_fallocate(int fd, off_t offset, off_t size)
{
    return fails("posix_fallocate") ? EIO : REAL(posix_fallocate)(fd, offset, size);
}

int posix_fallocate64(int fd, off_t offset, off_t size)
{
    return posix_fallocate(fd, offset, size);
}
