"""Linux as the transport uses it: epoll, eventfd, sockets, locks."""

from libc.stdint cimport int64_t, uint32_t, uint64_t


cdef extern from "<sys/epoll.h>" nogil:
    enum:
        EPOLLIN
        EPOLLOUT
        EPOLLERR
        EPOLLHUP
        EPOLLRDHUP
        EPOLL_CTL_ADD
        EPOLL_CTL_MOD
        EPOLL_CTL_DEL
        EPOLL_CLOEXEC
    ctypedef union epoll_data_t:
        void* ptr
    cdef struct epoll_event:
        uint32_t events
        epoll_data_t data
    int epoll_create1(int flags)
    int epoll_ctl(int epoll, int operation, int fd, epoll_event* event)
    int epoll_wait(int epoll, epoll_event* events, int size, int timeout_ms)


cdef extern from "<sys/eventfd.h>" nogil:
    enum:
        EFD_CLOEXEC
        EFD_NONBLOCK
    ctypedef uint64_t eventfd_t
    int eventfd(unsigned int value, int flags)
    int eventfd_read(int fd, eventfd_t* value)
    int eventfd_write(int fd, eventfd_t value)


cdef extern from "<sys/socket.h>" nogil:
    enum:
        SOCK_NONBLOCK
        SOCK_CLOEXEC
        MSG_NOSIGNAL
        AF_INET
        AF_INET6
        SHUT_WR
    ctypedef unsigned int socklen_t
    cdef struct sockaddr:
        unsigned short sa_family
    cdef struct sockaddr_storage:
        unsigned short ss_family
    int accept4(int fd, sockaddr* address, socklen_t* size, int flags)
    ssize_t recv(int fd, void* data, size_t size, int flags)
    ssize_t send(int fd, const void* data, size_t size, int flags)
    int setsockopt(int fd, int level, int name, const void* value, socklen_t size)
    int shutdown(int fd, int how)


cdef extern from "<netinet/in.h>" nogil:
    enum:
        IPPROTO_TCP
    cdef struct in_addr:
        uint32_t s_addr
    cdef struct in6_addr:
        unsigned char s6_addr[16]
    cdef struct sockaddr_in:
        in_addr sin_addr
    cdef struct sockaddr_in6:
        in6_addr sin6_addr


cdef extern from "<netinet/tcp.h>" nogil:
    enum:
        TCP_NODELAY


cdef extern from "<unistd.h>" nogil:
    int close(int fd)


cdef extern from "<errno.h>" nogil:
    int errno
    enum:
        EAGAIN
        EINTR
        EMFILE
        ENFILE


cdef extern from "<pthread.h>" nogil:
    ctypedef struct pthread_mutex_t:
        pass
    ctypedef struct pthread_mutexattr_t:
        pass
    int pthread_mutex_init(pthread_mutex_t* mutex, const pthread_mutexattr_t* attributes)
    int pthread_mutex_destroy(pthread_mutex_t* mutex)
    int pthread_mutex_lock(pthread_mutex_t* mutex)
    int pthread_mutex_unlock(pthread_mutex_t* mutex)


from posix.time cimport CLOCK_MONOTONIC, clock_gettime, timespec


cdef extern from *:
    """
    #define fairlead_atomic_add(address, value) __atomic_fetch_add(address, value, __ATOMIC_RELAXED)
    #define fairlead_atomic_get(address) __atomic_load_n(address, __ATOMIC_RELAXED)
    #define fairlead_atomic_set(address, value) __atomic_store_n(address, value, __ATOMIC_RELAXED)
    """
    # Numbers that several threads read or change and that order nothing.
    uint32_t atomic_add "fairlead_atomic_add"(uint32_t* address, int value) nogil
    uint32_t atomic_get "fairlead_atomic_get"(const uint32_t* address) nogil
    uint64_t count_get "fairlead_atomic_get"(const uint64_t* address) nogil
    void count_set "fairlead_atomic_set"(uint64_t* address, uint64_t value) nogil
    int64_t time_get "fairlead_atomic_get"(const int64_t* address) nogil
    void time_set "fairlead_atomic_set"(int64_t* address, int64_t value) nogil


cdef inline long long clock_us() noexcept nogil:
    """Monotone microseconds."""
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <long long> now.tv_sec * 1000000 + now.tv_nsec // 1000
