/* LD_PRELOAD: lets call number FAIL_COUNT of FAIL_CALL, and every one up to FAIL_LAST or for ever, fail with EIO; a
   posix_fallocate with FAIL_LAST fails with ENOSPC. Of write only those to files called *.tmp count. With FAIL_LOG every call is
   written to that file, one name a line. While the file HOLD_FILE exists, for a minute at most, every fdatasync waits. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static void note(const char *name)
{
    const char *path = getenv("FAIL_LOG");
    char line[64];
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT, 0600) : -1;
    if (fd < 0)
        return;
    int size = snprintf(line, sizeof line, "%s\n", name);
    if (REAL(write)(fd, line, size) != size)
        abort();
    close(fd);
}

static int fails(const char *name)
{
    note(name);
    static int count;
    const char *call = getenv("FAIL_CALL"), *at = getenv("FAIL_COUNT"), *last = getenv("FAIL_LAST");
    if (!call || !at || strcmp(call, name))
        return 0;
    int number = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
    return number >= atoi(at) && (!last || number <= atoi(last));
}

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

static void wait_for_hold(void)
{
    const char *path = getenv("HOLD_FILE");
    for (int tries = 0; path && tries < 6000 && access(path, F_OK) == 0; tries++)
        usleep(10000);
}

int fdatasync(int fd)
{
    wait_for_hold();
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
    return fails("posix_fallocate") ? (getenv("FAIL_LAST") ? ENOSPC : EIO) : REAL(posix_fallocate)(fd, offset, size);
}

int posix_fallocate64(int fd, off_t offset, off_t size)
{
    return posix_fallocate(fd, offset, size);
}

int rename(const char *old, const char *new)
{
    if (fails("rename")) {
        errno = EIO;
        return -1;
    }
    return REAL(rename)(old, new);
}

int unlink(const char *path)
{
    if (fails("unlink")) {
        errno = EIO;
        return -1;
    }
    return REAL(unlink)(path);
}

static int is_fresh(int fd)
{
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path);
    return size > 4 && !memcmp(path + size - 4, ".tmp", 4);
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (is_fresh(fd) && fails("write")) {
        errno = EIO;
        return -1;
    }
    return REAL(write)(fd, data, size);
}
