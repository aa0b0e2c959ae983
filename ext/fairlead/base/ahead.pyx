"""See ahead.pxd."""

from libc.stdint cimport uint32_t, uintptr_t

cdef extern from *:
    """
    #include <errno.h>
    #include <pthread.h>
    #include <sched.h>
    #include <semaphore.h>
    #include <signal.h>
    #include <stdint.h>
    #include <sys/mman.h>
    #include <sys/syscall.h>
    #include <unistd.h>

    static pthread_mutex_t fairlead_asked_mutex = PTHREAD_MUTEX_INITIALIZER;
    static sem_t fairlead_asked;

    /* Fills the pages of a range; where the system cannot, or the range is no memory, nothing happens. */
    static inline void fairlead_populate(void *start, size_t size) {
    #ifdef MADV_POPULATE_WRITE
        madvise(start, size, MADV_POPULATE_WRITE);
    #endif
    }

    static inline int fairlead_try_asked(void) { return pthread_mutex_trylock(&fairlead_asked_mutex) == 0; }
    static inline void fairlead_lock_asked(void) { pthread_mutex_lock(&fairlead_asked_mutex); }
    static inline void fairlead_unlock_asked(void) { pthread_mutex_unlock(&fairlead_asked_mutex); }
    static inline void fairlead_post_asked(void) { sem_post(&fairlead_asked); }
    static inline void fairlead_await_asked(void) { while (sem_wait(&fairlead_asked) != 0 && errno == EINTR) {} }

    /* A tenth of the processor when all are busy, so that it comes in time; but in slices of 0.1 ms, so that whoever wakes up
       need not wait for it. Systems that know no slices, or no priority of a thread, run it as any other. */
    static inline void fairlead_be_modest(void) {
    #ifdef SYS_sched_setattr
        struct { uint32_t size, policy; uint64_t flags; int32_t nice; uint32_t priority; uint64_t slice, deadline, period; }
            modest = {sizeof(modest), SCHED_OTHER, 0, 10, 0, 100000, 0, 0};
        syscall(SYS_sched_setattr, 0, &modest, 0);
    #endif
    }

    /* Signals are for the threads that handle them. */
    static inline int fairlead_start_ahead(void *(*run)(void *)) {
        pthread_t thread;
        sigset_t all, before;
        if (sem_init(&fairlead_asked, 0, 0) != 0) return -1;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int failed = pthread_create(&thread, NULL, run, NULL);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (!failed) pthread_detach(thread);
        return failed;
    }
    """
    void populate "fairlead_populate"(void* start, size_t size) nogil
    bint try_asked "fairlead_try_asked"() nogil
    void lock_asked "fairlead_lock_asked"() nogil
    void unlock_asked "fairlead_unlock_asked"() nogil
    void post_asked "fairlead_post_asked"() nogil
    void await_asked "fairlead_await_asked"() nogil
    void be_modest "fairlead_be_modest"() nogil
    int start_ahead "fairlead_start_ahead"(void* (*run)(void*) noexcept nogil) nogil

cdef enum:
    ROOM = 64   # questions that wait; more are forgotten
    PAGE = 1 << 12


cdef struct Range:
    char* start
    size_t size


# Under the mutex.
cdef Range[ROOM] asked
cdef uint32_t asked_count = 0
cdef bint is_running = False


cdef void ahead_fetch(void* start, size_t size) noexcept nogil:
    """Asks for the pages of a range. Never waits; about a microsecond, once a chunk."""
    global asked_count, is_running
    cdef uintptr_t first = <uintptr_t> start & ~<uintptr_t> (PAGE - 1)
    # Taken by another shard, or by the thread as it looks: the next chunk asks for this one too.
    if not try_asked():
        return
    if not is_running:
        is_running = start_ahead(run) == 0
    if is_running and asked_count < ROOM:
        asked[asked_count].start = <char*> first
        asked[asked_count].size = <uintptr_t> start + size - first
        asked_count += 1
        post_asked()
    unlock_asked()


cdef void* run(void* nothing) noexcept nogil:
    global asked_count
    cdef Range wanted
    cdef size_t done
    be_modest()
    while True:
        await_asked()
        lock_asked()
        wanted = asked[0]
        asked_count -= 1
        for done in range(asked_count):
            asked[done] = asked[done + 1]
        unlock_asked()
        # In pieces: the system may have to change its map of the process in between.
        done = 0
        while done < wanted.size:
            populate(wanted.start + done, min(<size_t> CHUNK, wanted.size - done))
            done += CHUNK
    return NULL
