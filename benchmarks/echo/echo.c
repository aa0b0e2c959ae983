/* The yardstick of the transport: a bare nghttp2 server that answers every gRPC call with the same bytes and does nothing.

   Usage: echo PORT HEX, where HEX is the message of the answer. Prints "ready", serves until killed. One thread, epoll, one recv and one send per connection and
   wake-up; bodies are not looked at. What it costs is what libnghttp2 costs. */
#include <arpa/inet.h>
#include <nghttp2/nghttp2.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 1 << 16 };
typedef struct { int fd; nghttp2_session *session; } connection;

static size_t reply_size;
static uint8_t reply[ROOM], input[ROOM], output[2 * ROOM];

#define FIELD(name, value) \
    { (uint8_t *)name, (uint8_t *)value, sizeof(name) - 1, sizeof(value) - 1, \
      NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE }
static const nghttp2_nv head[] = {FIELD(":status", "200"), FIELD("content-type", "application/grpc")};
static const nghttp2_nv trailer[] = {FIELD("grpc-status", "0")};

static ssize_t read_reply(nghttp2_session *session, int32_t id, uint8_t *to, size_t room, uint32_t *flags,
                          nghttp2_data_source *source, void *user) {
    (void)room, (void)source, (void)user;
    memcpy(to, reply, reply_size);
    *flags = NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
    nghttp2_submit_trailer(session, id, trailer, 1);
    return (ssize_t)reply_size;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
    nghttp2_data_provider provider = {{0}, read_reply};
    (void)user;
    if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
        frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
        nghttp2_submit_response(session, frame->hd.stream_id, head, 2, &provider);
    return 0;
}

static void end(connection *c) {
    nghttp2_session_del(c->session);
    close(c->fd);
    free(c);
}

static void serve(connection *c) {
    const uint8_t *frame;
    ssize_t size = recv(c->fd, input, sizeof input, 0);
    if (size <= 0 || nghttp2_session_mem_recv(c->session, input, (size_t)size) < 0) {
        end(c);
        return;
    }
    do {
        size_t filled = 0;
        while (filled < ROOM && (size = nghttp2_session_mem_send(c->session, &frame)) > 0) {
            memcpy(output + filled, frame, (size_t)size);
            filled += (size_t)size;
        }
        for (size_t sent = 0; sent < filled;) {
            ssize_t taken = send(c->fd, output + sent, filled - sent, MSG_NOSIGNAL);
            if (taken <= 0) {
                end(c);
                return;
            }
            sent += (size_t)taken;
        }
    } while (size > 0);
}

int main(int count, char **arguments) {
    nghttp2_session_callbacks *callbacks;
    nghttp2_option *options;
    nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1000},
                                         {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event ready[64], wanted = {.events = EPOLLIN};
    int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0), poll = epoll_create1(0);
    if (count != 3) return 2;
    address.sin_port = htons((uint16_t)atoi(arguments[1]));
    for (const char *at = arguments[2]; reply_size < 4096 && sscanf(at, "%2hhx", &reply[5 + reply_size]) == 1; at += 2)
        reply_size++;
    reply[3] = (uint8_t)(reply_size >> 8), reply[4] = (uint8_t)reply_size, reply_size += 5;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (void *)&address, sizeof address) || listen(listener, 64)) return 1;
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &wanted);
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_option_new(&options);
    nghttp2_option_set_no_closed_streams(options, 1);
    puts("ready"), fflush(stdout);
    for (;;) {
        int n = epoll_wait(poll, ready, 64, -1);
        for (int i = 0; i < n; i++) {
            connection *c = ready[i].data.ptr;
            if (c) {
                serve(c);
                continue;
            }
            c = malloc(sizeof *c);
            c->fd = accept(listener, NULL, NULL);
            setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
            nghttp2_session_server_new2(&c->session, callbacks, c, options);
            nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 2);
            nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0, 1 << 22);
            wanted.data.ptr = c;
            epoll_ctl(poll, EPOLL_CTL_ADD, c->fd, &wanted);
        }
    }
}
