/* TCP connections to the server: what is to be sent, what has come in parts, and epoll. */
#define _GNU_SOURCE
#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE (1 << 20)
#define SOURCES 200 /* addresses of the client's side: one has ports for 28,000 connections, the closed included */

bool told;
static int epoll_fd;
static uint8_t read_buffer[READ_SIZE];

void open_epoll(void) {
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) fail("epoll_create1: %s", strerror(errno));
    struct epoll_event event = {.events = EPOLLIN};
    /* A file or /dev/null never tells anything. */
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0 && errno != EPERM)
        fail("standard input: %s", strerror(errno));
}

static void read_standard_input(void) {
    char line[256];
    told = true;
    if (read(STDIN_FILENO, line, sizeof line) <= 0) epoll_ctl(epoll_fd, EPOLL_CTL_DEL, STDIN_FILENO, NULL);
}

void reserve(struct buffer *b, size_t extra) {
    if (b->length + extra <= b->capacity) return;
    size_t capacity = b->capacity ? b->capacity : 256;
    while (capacity < b->length + extra) capacity *= 2;
    b->data = checked(realloc(b->data, capacity));
    b->capacity = capacity;
}

void append(struct buffer *b, const void *data, size_t length) {
    reserve(b, length);
    memcpy(b->data + b->length, data, length);
    b->length += length;
}

void append_text(struct buffer *b, const char *text) { append(b, text, strlen(text)); }

static void watch(struct stream *s, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = s};
    if (epoll_ctl(epoll_fd, operation, s->fd, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

void open_stream(struct stream *s, struct client *c) {
    static uint32_t next_source;
    struct sockaddr_in address = {.sin_family = AF_INET};
    int one = 1;
    s->client = c;
    s->in.length = s->out.length = 0;
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0) fail("socket: %s", strerror(errno));
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(s->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK + next_source++ % SOURCES);
    if (bind(s->fd, (struct sockaddr *)&address, sizeof address) < 0) fail("bind: %s", strerror(errno));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)options.port);
    if (connect(s->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    s->connecting = s->waits_for_room = true;
    watch(s, EPOLL_CTL_ADD, EPOLLOUT);
}

void close_stream(struct stream *s) {
    if (s->fd < 0) return;
    close(s->fd);
    s->fd = -1;
    free(s->in.data);
    free(s->out.data);
    s->in = s->out = (struct buffer){0};
}

void flush(struct stream *s) {
    if (s->connecting || s->fd < 0) return;
    size_t written = 0;
    while (written < s->out.length) {
        ssize_t n = send(s->fd, s->out.data + written, s->out.length - written, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) fail("client %d: send: %s", number_of(s->client), strerror(errno));
        if (n < 0) break;
        written += (size_t)n;
    }
    s->out.length -= written;
    if (written && s->out.length) memmove(s->out.data, s->out.data + written, s->out.length);
    bool full = s->out.length > 0;
    if (full != s->waits_for_room) {
        s->waits_for_room = full;
        watch(s, EPOLL_CTL_MOD, full ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

static void finish_connect(struct stream *s) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) fail("client %d: connect: %s", number_of(s->client), strerror(error));
    s->connecting = false;
    flush(s);
}

/* Take all complete units from the beginning of `data`; returns the bytes used. */
static size_t receive_units(struct stream *s, const uint8_t *data, size_t length) {
    size_t used = 0, n;
    do {
        n = s->receive(s, data + used, length - used);
        used += n;
    } while (n && used < length && s->fd >= 0);
    return used;
}

static void read_in(struct stream *s) {
    ssize_t n = recv(s->fd, read_buffer, sizeof read_buffer, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    now = read_clock();
    if (n <= 0 && s->client->state != LEAVING)
        fail("client %d: %s", number_of(s->client), n ? strerror(errno) : "the server ended the connection");
    if (n <= 0) {
        stream_ended(s);
        return;
    }
    if (s->in.length == 0) {
        size_t used = receive_units(s, read_buffer, (size_t)n);
        if (used < (size_t)n && s->fd >= 0) append(&s->in, read_buffer + used, (size_t)n - used);
    } else {
        append(&s->in, read_buffer, (size_t)n);
        size_t used = receive_units(s, s->in.data, s->in.length);
        if (s->fd >= 0) {
            s->in.length -= used;
            memmove(s->in.data, s->in.data + used, s->in.length);
        }
    }
    if (s->out.length) flush(s);
}

/* A stream that closes is never opened again before all events of its time have been looked at. */
int wait_for_events(int milliseconds) {
    struct epoll_event events[512];
    int count = epoll_wait(epoll_fd, events, 512, milliseconds);
    if (count < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    now = read_clock();
    for (int i = 0; i < count; i++) {
        struct stream *s = events[i].data.ptr;
        if (!s) read_standard_input();
        if (!s || s->fd < 0) continue;
        if (s->connecting) finish_connect(s);
        else if (events[i].events & EPOLLOUT) flush(s);
        if (s->fd >= 0 && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_in(s);
    }
    return count;
}
