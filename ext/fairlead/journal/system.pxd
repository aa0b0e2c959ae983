"""Linux as the journal uses it: files, threads, eventfd."""

from libc.stdint cimport int64_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, CLOCK_REALTIME, clock_gettime, timespec

from fairlead.journal.model cimport pthread_cond_t, pthread_mutex_t, pthread_t


cdef extern from *:
    """
    #include <signal.h>
    #include <pthread.h>
    /* Signals belong to the threads of the interpreter. */
    static inline int fairlead_start_thread(pthread_t *thread, void *(*run)(void *), void *owner)
    {
        sigset_t all, before;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int failed = pthread_create(thread, NULL, run, owner);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return failed;
    }
    """
    int start_thread "fairlead_start_thread"(pthread_t* thread, void* (*run)(void*) noexcept nogil, void* owner) nogil


cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutexattr_t:
        pass
    ctypedef struct pthread_condattr_t:
        pass
    int pthread_mutex_init(pthread_mutex_t* mutex, const pthread_mutexattr_t* attributes)
    int pthread_mutex_destroy(pthread_mutex_t* mutex)
    int pthread_mutex_lock(pthread_mutex_t* mutex)
    int pthread_mutex_unlock(pthread_mutex_t* mutex)
    int pthread_cond_init(pthread_cond_t* condition, const pthread_condattr_t* attributes)
    int pthread_cond_destroy(pthread_cond_t* condition)
    int pthread_cond_signal(pthread_cond_t* condition)
    int pthread_cond_broadcast(pthread_cond_t* condition)
    int pthread_cond_wait(pthread_cond_t* condition, pthread_mutex_t* mutex)
    int pthread_cond_timedwait(pthread_cond_t* condition, pthread_mutex_t* mutex, const timespec* until)
    int pthread_join(pthread_t thread, void** result)


cdef extern from "<fcntl.h>" nogil:
    enum:
        O_RDWR
        O_CREAT
        O_TRUNC
        O_CLOEXEC
    int openat(int directory, const char* path, int flags, int mode)
    int posix_fallocate(int fd, int64_t offset, int64_t size)


cdef extern from "<stdio.h>" nogil:
    int renameat(int old_directory, const char* old, int new_directory, const char* new)


cdef extern from "<unistd.h>" nogil:
    int close(int fd)
    ssize_t pwrite(int fd, const void* data, size_t size, int64_t offset)
    int fdatasync(int fd)
    int fsync(int fd)
    int ftruncate(int fd, int64_t size)
    int unlinkat(int directory, const char* path, int flags)
    void _exit(int code)


cdef extern from "<sys/eventfd.h>" nogil:
    ctypedef uint64_t eventfd_t
    int eventfd_write(int fd, eventfd_t value)


cdef extern from "<errno.h>" nogil:
    int errno
    enum:
        EINTR
        ENOSPC
        EDQUOT


cdef inline int64_t now_us(int clock) noexcept nogil:
    cdef timespec now
    clock_gettime(clock, &now)
    return <int64_t> now.tv_sec * 1000000 + now.tv_nsec // 1000
