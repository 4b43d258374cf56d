/*
 * A load generator for Socket.IO servers on 127.0.0.1: one thread, epoll, no dependencies.
 *
 *     load --port P --work echo|ack|broadcast|idle [--connections N] [--in-flight K] [--size S]
 *          [--warmup SECONDS] [--seconds SECONDS]
 *
 * It opens N WebSocket connections (Engine.IO 4), joins the main namespace on each, works for the
 * warm-up, prints {"phase": "start"} at the moment from which everything counts, and after the
 * measured time one JSON line with the result.
 *
 *   echo       42["echo","<payload>"]      is answered by 42["echo","<payload>"]
 *   ack        42<id>["ack","<payload>"]   is answered by 43<id>["<payload>"]
 *   broadcast  42["broadcast","<payload>"] on the first connection comes to all of them as
 *              42["news","<payload>"]; the next one starts when all have the K-th before it
 *   idle       nothing but answers to pings, until standard input ends
 *
 * K messages are in flight on each connection (K broadcasts in all). Messages are really masked, a
 * payload of S characters starts with a sequence number, and every byte of every answer is compared:
 * a lost, repeated, reordered or changed message is an error. Latency is the time from handing a
 * message to the kernel until its answer (each delivery, for a broadcast) has been read.
 *
 * Exit status: 0, 1 if messages were wrong, 2 after anything else that should not happen (a packet
 * that nobody asked for, a connection that ends, five seconds without progress).
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum work { ECHO, ACK, BROADCAST, IDLE };
enum state { CONNECTING, UPGRADING, OPENING, JOINING, READY };

static const char *const WORK_NAMES[] = {"echo", "ack", "broadcast", "idle"};

#define SEQUENCE_DIGITS 8
#define HANDSHAKES_AT_ONCE 64 /* below the accept backlog of every server */
#define STALL_NS 5000000000ull
#define READ_SIZE (1 << 20)

struct buffer {
    uint8_t *data;
    size_t length, capacity;
};

struct connection {
    int fd;
    enum state state;
    bool waits_for_room;     /* EPOLLOUT is armed: the kernel took only a part of `out` */
    uint32_t sent, received; /* messages; also the sequence numbers of the next ones */
    uint64_t *sent_at;       /* ring of K times in ns */
    struct buffer in;        /* an incomplete frame or HTTP answer */
    struct buffer out;
};

static struct {
    int port, connections, in_flight, size;
    double warmup, seconds;
    enum work work;
} options = {.connections = 1, .in_flight = 1, .size = 32, .warmup = 1, .seconds = 3, .work = ECHO};

static struct connection *connections;
static int epoll_fd;
static int started, ready; /* connections that were begun, and that are in the namespace */
static uint8_t mask_key[4];
static uint8_t read_buffer[READ_SIZE];
static char *padding;        /* what follows the sequence number in every payload */
static size_t padding_size;
static struct buffer packet; /* the packet being built */

static uint64_t now;           /* ns, monotonic: read once after every system call that may block */
static uint64_t last_progress; /* when the last good message came, or connection got ready */
static uint64_t messages, errors, broadcasts;
static uint32_t *broadcast_missing; /* deliveries still to come, ring of K */
static uint32_t oldest_broadcast;

/* Errors */

static _Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static void *checked(void *memory) {
    if (!memory) fail("out of memory");
    return memory;
}

static int number_of(const struct connection *c) { return (int)(c - connections); }

/* The first wrong message is shown, all are counted. */
static void wrong_message(struct connection *c, const uint8_t *data, size_t length, const char *why) {
    if (errors++ == 0)
        fprintf(stderr, "load: connection %d, message %u: %s: %.*s\n", number_of(c), c->received, why,
                (int)(length < 200 ? length : 200), (const char *)data);
}

/* Clock and latency */

static uint64_t read_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* A histogram of ns in steps of at most 1/64 of the value, so that no run grows it. */
#define STEPS 64
static uint64_t histogram[STEPS * 60];
static uint64_t latency_min = UINT64_MAX, latency_max;

static void record_latency(uint64_t ns) {
    int power = 63 - __builtin_clzll(ns | 1);
    size_t index = power < 6 ? ns : (size_t)(power - 5) * STEPS + ((ns >> (power - 6)) & (STEPS - 1));
    histogram[index]++;
    if (ns < latency_min) latency_min = ns;
    if (ns > latency_max) latency_max = ns;
}

/* The largest latency of the given share of all messages, in microseconds. */
static double latency_percentile(double share) {
    uint64_t total = 0, seen = 0;
    for (size_t i = 0; i < sizeof histogram / sizeof *histogram; i++) total += histogram[i];
    for (size_t i = 0; i < sizeof histogram / sizeof *histogram; i++) {
        seen += histogram[i];
        if (total && (double)seen >= share * (double)total) {
            uint64_t ns = i < STEPS ? i : (uint64_t)(STEPS + i % STEPS) << (i / STEPS - 1);
            return (double)ns / 1000;
        }
    }
    return 0;
}

/* Buffers */

static void reserve(struct buffer *b, size_t extra) {
    if (b->length + extra <= b->capacity) return;
    size_t capacity = b->capacity ? b->capacity : 256;
    while (capacity < b->length + extra) capacity *= 2;
    b->data = checked(realloc(b->data, capacity));
    b->capacity = capacity;
}

static void append(struct buffer *b, const void *data, size_t length) {
    reserve(b, length);
    memcpy(b->data + b->length, data, length);
    b->length += length;
}

/* Sending */

static void watch(struct connection *c, int operation, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll_fd, operation, c->fd, &event) < 0) fail("epoll_ctl: %s", strerror(errno));
}

static void flush_out(struct connection *c) {
    size_t written = 0;
    while (written < c->out.length) {
        ssize_t n = send(c->fd, c->out.data + written, c->out.length - written, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno != EAGAIN) fail("connection %d: send: %s", number_of(c), strerror(errno));
        if (n < 0) break;
        written += (size_t)n;
    }
    c->out.length -= written;
    if (written) memmove(c->out.data, c->out.data + written, c->out.length);
    bool full = c->out.length > 0;
    if (full != c->waits_for_room) {
        c->waits_for_room = full;
        watch(c, EPOLL_CTL_MOD, full ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

/* Queue a masked frame (RFC 6455 section 5.2). */
static void queue_frame(struct connection *c, uint8_t opcode, const uint8_t *data, size_t length) {
    reserve(&c->out, length + 14);
    uint8_t *p = c->out.data + c->out.length;
    *p++ = 0x80 | opcode;
    if (length < 126) {
        *p++ = 0x80 | (uint8_t)length;
    } else {
        int bytes = length < 65536 ? 2 : 8;
        *p++ = bytes == 2 ? 0x80 | 126 : 0x80 | 127;
        for (int i = bytes - 1; i >= 0; i--) *p++ = (uint8_t)((uint64_t)length >> (8 * i));
    }
    memcpy(p, mask_key, 4);
    p += 4;
    size_t i = 0;
    uint64_t word, mask;
    memcpy(&mask, mask_key, 4);
    memcpy((uint8_t *)&mask + 4, mask_key, 4);
    for (; i + 8 <= length; i += 8) {
        memcpy(&word, data + i, 8);
        word ^= mask;
        memcpy(p + i, &word, 8);
    }
    for (; i < length; i++) p[i] = data[i] ^ mask_key[i & 3];
    c->out.length = (size_t)(p - c->out.data) + length;
}

static void queue_text(struct connection *c, const char *text) {
    queue_frame(c, 1, (const uint8_t *)text, strlen(text));
}

static size_t write_decimal(char *to, uint32_t value) {
    char digits[10];
    size_t count = 0, length;
    do digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    for (length = 0; count; length++) to[length] = digits[--count];
    return length;
}

static void write_sequence(char *to, uint32_t value) {
    for (int i = SEQUENCE_DIGITS - 1; i >= 0; i--, value >>= 4) to[i] = "0123456789abcdef"[value & 15];
}

/* Build in `packet` the given beginning, the id of an acknowledgement if there is one, the name of
 * the event (with its comma) or nothing, the payload and the end. */
static void build_packet(const char *type, bool has_id, const char *event, uint32_t sequence) {
    packet.length = 0;
    reserve(&packet, 64 + padding_size);
    char *p = (char *)packet.data;
    p = stpcpy(p, type);
    if (has_id) p += write_decimal(p, sequence);
    *p++ = '[';
    p = stpcpy(p, event);
    *p++ = '"';
    write_sequence(p, sequence);
    p += SEQUENCE_DIGITS;
    p = (char *)mempcpy(p, padding, padding_size);
    *p++ = '"';
    *p++ = ']';
    packet.length = (size_t)((uint8_t *)p - packet.data);
}

static void queue_message(struct connection *c) {
    static const char *const EVENTS[] = {"\"echo\",", "\"ack\",", "\"broadcast\","};
    build_packet("42", options.work == ACK, EVENTS[options.work], c->sent);
    queue_frame(c, 1, packet.data, packet.length);
    c->sent_at[c->sent++ % (uint32_t)options.in_flight] = now;
}

static void queue_broadcast(void) {
    struct connection *sender = &connections[0];
    broadcast_missing[sender->sent % (uint32_t)options.in_flight] = (uint32_t)options.connections;
    queue_message(sender);
}

static void start_work(void) {
    now = read_clock();
    if (options.work == BROADCAST) {
        for (int k = 0; k < options.in_flight; k++) queue_broadcast();
        flush_out(&connections[0]);
        return;
    }
    for (int i = 0; options.work != IDLE && i < options.connections; i++) {
        for (int k = 0; k < options.in_flight; k++) queue_message(&connections[i]);
        flush_out(&connections[i]);
    }
}

/* Receiving */

static bool starts_with(const uint8_t *data, size_t length, const char *text) {
    size_t wanted = strlen(text);
    return length >= wanted && memcmp(data, text, wanted) == 0;
}

static void open_more(void);

static void receive_answer(struct connection *c, const uint8_t *data, size_t length) {
    if (c->received == c->sent) {
        wrong_message(c, data, length, "nothing was asked");
        return;
    }
    if (options.work == ACK) build_packet("43", true, "", c->received);
    else build_packet("42", false, "\"echo\",", c->received);
    if (length != packet.length || memcmp(data, packet.data, length) != 0)
        wrong_message(c, data, length, "not the answer that is due");
    record_latency(now - c->sent_at[c->received++ % (uint32_t)options.in_flight]);
    messages++;
    last_progress = now;
    queue_message(c);
}

static void receive_news(struct connection *c, const uint8_t *data, size_t length) {
    struct connection *sender = &connections[0];
    if (c->received == sender->sent) {
        wrong_message(c, data, length, "nothing was broadcast");
        return;
    }
    build_packet("42", false, "\"news\",", c->received);
    if (length != packet.length || memcmp(data, packet.data, length) != 0)
        wrong_message(c, data, length, "not the broadcast that is due");
    uint32_t slot = c->received++ % (uint32_t)options.in_flight;
    record_latency(now - sender->sent_at[slot]);
    messages++;
    last_progress = now;
    broadcast_missing[slot]--;
    /* Servers may deliver to one connection before another, so a later broadcast can be complete first. */
    while (oldest_broadcast < sender->sent && !broadcast_missing[oldest_broadcast % (uint32_t)options.in_flight]) {
        oldest_broadcast++;
        broadcasts++;
        queue_broadcast();
        if (c != sender) flush_out(sender);
    }
}

static void receive_text(struct connection *c, const uint8_t *data, size_t length) {
    if (length == 1 && data[0] == '2') {
        queue_text(c, "3");
    } else if (c->state == OPENING && starts_with(data, length, "0{")) {
        c->state = JOINING;
        queue_text(c, "40");
    } else if (c->state == JOINING && starts_with(data, length, "40{")) {
        c->state = READY;
        ready++;
        last_progress = now;
        open_more();
    } else if (c->state == READY && options.work == BROADCAST && starts_with(data, length, "42[\"news\",")) {
        receive_news(c, data, length);
    } else if (c->state == READY && options.work == ECHO && starts_with(data, length, "42[\"echo\",")) {
        receive_answer(c, data, length);
    } else if (c->state == READY && options.work == ACK && starts_with(data, length, "43")) {
        receive_answer(c, data, length);
    } else {
        fail("connection %d: unexpected packet: %.*s", number_of(c), (int)(length < 200 ? length : 200),
             (const char *)data);
    }
}

/* Take one frame from the beginning of `data`; returns its size, 0 if it is not complete. */
static size_t receive_frame(struct connection *c, const uint8_t *data, size_t available) {
    if (available < 2) return 0;
    if ((data[0] & 0xf0) != 0x80 || (data[1] & 0x80))
        fail("connection %d: fragmented, compressed or masked frame: %02x %02x", number_of(c), data[0], data[1]);
    size_t header = 2;
    uint64_t length = data[1];
    if (length >= 126) {
        int bytes = length == 126 ? 2 : 8;
        header += (size_t)bytes;
        if (available < header) return 0;
        length = 0;
        for (int i = 0; i < bytes; i++) length = length << 8 | data[2 + i];
        if (length < (bytes == 2 ? 126u : 65536u)) fail("connection %d: length not minimal", number_of(c));
        if (length > 1u << 30) fail("connection %d: a frame of %llu bytes", number_of(c), (unsigned long long)length);
    }
    if (available - header < length) return 0;
    const uint8_t *payload = data + header;
    switch (data[0] & 0x0f) {
    case 1:
        receive_text(c, payload, length);
        break;
    case 8:
        fail("connection %d: closed by the server with code %d", number_of(c),
             length >= 2 ? payload[0] << 8 | payload[1] : 1005);
    case 9:
        queue_frame(c, 10, payload, length);
        break;
    default:
        fail("connection %d: unexpected frame with opcode %d", number_of(c), data[0] & 0x0f);
    }
    return header + length;
}

/* Key and accept are the example of RFC 6455 section 1.3. */
static const char REQUEST[] = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                              "Host: 127.0.0.1:%d\r\n"
                              "Connection: Upgrade\r\n"
                              "Upgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static size_t receive_http(struct connection *c, const uint8_t *data, size_t available) {
    const uint8_t *end = memmem(data, available, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t length = (size_t)(end - data) + 4;
    if (!starts_with(data, length, "HTTP/1.1 101 ") || !memmem(data, length, ACCEPT, strlen(ACCEPT)))
        fail("connection %d: the upgrade was refused:\n%.*s", number_of(c), (int)length, (const char *)data);
    c->state = OPENING;
    return length;
}

/* Take all complete frames from the beginning of `data`; returns the bytes used. */
static size_t receive_bytes(struct connection *c, const uint8_t *data, size_t length) {
    size_t used = 0, n;
    do {
        if (c->state == UPGRADING) n = receive_http(c, data + used, length - used);
        else n = receive_frame(c, data + used, length - used);
        used += n;
    } while (n && used < length);
    return used;
}

static void read_in(struct connection *c) {
    ssize_t n = recv(c->fd, read_buffer, sizeof read_buffer, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) fail("connection %d: recv: %s", number_of(c), strerror(errno));
    if (n == 0) fail("connection %d: the server ended the connection", number_of(c));
    now = read_clock();
    if (c->in.length == 0) {
        size_t used = receive_bytes(c, read_buffer, (size_t)n);
        if (used < (size_t)n) append(&c->in, read_buffer + used, (size_t)n - used);
    } else {
        append(&c->in, read_buffer, (size_t)n);
        size_t used = receive_bytes(c, c->in.data, c->in.length);
        c->in.length -= used;
        memmove(c->in.data, c->in.data + used, c->in.length);
    }
    if (c->out.length) flush_out(c);
}

/* Connecting */

static void open_connection(struct connection *c) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0) fail("socket: %s", strerror(errno));
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        fail("connect: %s", strerror(errno));
    c->state = CONNECTING;
    c->waits_for_room = true;
    watch(c, EPOLL_CTL_ADD, EPOLLOUT);
}

static void open_more(void) {
    while (started < options.connections && started - ready < HANDSHAKES_AT_ONCE)
        open_connection(&connections[started++]);
}

static void finish_connect(struct connection *c) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) fail("connection %d: connect: %s", number_of(c), strerror(error));
    char request[512];
    int length = snprintf(request, sizeof request, REQUEST, options.port);
    append(&c->out, request, (size_t)length);
    c->state = UPGRADING;
    flush_out(c);
}

/* The run */

static void poll_once(void) {
    struct epoll_event events[512];
    int count = epoll_wait(epoll_fd, events, 512, 100);
    if (count < 0 && errno != EINTR) fail("epoll_wait: %s", strerror(errno));
    now = read_clock();
    for (int i = 0; i < count; i++) {
        struct connection *c = events[i].data.ptr;
        if (c->state == CONNECTING) finish_connect(c);
        else if (events[i].events & EPOLLOUT) flush_out(c);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_in(c);
    }
    if (options.work != IDLE && now > last_progress + STALL_NS)
        fail("no progress for 5 s; %d of %d connections are ready", ready, options.connections);
}

static void work_for(double seconds) {
    uint64_t end = now + (uint64_t)(seconds * 1e9);
    while (now < end) poll_once();
}

static void stay_idle(void) {
    struct epoll_event event = {.events = EPOLLIN};
    int input_fd = epoll_create1(EPOLL_CLOEXEC);
    if (input_fd < 0 || epoll_ctl(input_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event) < 0)
        fail("standard input must be a pipe or a terminal");
    printf("{\"phase\": \"idle\"}\n");
    fflush(stdout);
    char byte;
    for (;;) {
        if (epoll_wait(input_fd, &event, 1, 0) == 1 && read(STDIN_FILENO, &byte, 1) <= 0) return;
        poll_once();
    }
}

static void parse_options(int argc, char **argv) {
    static const struct option LONG[] = {
        {"port", required_argument, NULL, 'p'},      {"work", required_argument, NULL, 'w'},
        {"connections", required_argument, NULL, 'n'}, {"in-flight", required_argument, NULL, 'k'},
        {"size", required_argument, NULL, 's'},      {"warmup", required_argument, NULL, 'u'},
        {"seconds", required_argument, NULL, 'd'},   {0}};
    int option, work = 0;
    while ((option = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
        switch (option) {
        case 'p': options.port = atoi(optarg); break;
        case 'n': options.connections = atoi(optarg); break;
        case 'k': options.in_flight = atoi(optarg); break;
        case 's': options.size = atoi(optarg); break;
        case 'u': options.warmup = atof(optarg); break;
        case 'd': options.seconds = atof(optarg); break;
        case 'w':
            for (work = 0; work <= IDLE && strcmp(optarg, WORK_NAMES[work]) != 0; work++) {}
            break;
        default: exit(2);
        }
    }
    if (work > IDLE) fail("--work is one of echo, ack, broadcast, idle");
    options.work = (enum work)work;
    if (optind < argc) fail("unexpected argument %s", argv[optind]);
    if (options.port < 1 || options.port > 65535) fail("--port is required");
    if (options.connections < 1 || options.in_flight < 1 || !(options.warmup >= 0) || !(options.seconds > 0))
        fail("counts and times are positive numbers");
    if (options.size < SEQUENCE_DIGITS) fail("--size is at least %d", SEQUENCE_DIGITS);
}

static void prepare(void) {
    padding_size = (size_t)options.size - SEQUENCE_DIGITS;
    padding = checked(malloc(padding_size + 1));
    for (size_t i = 0; i < padding_size; i++) padding[i] = (char)('a' + i % 26);
    if (getrandom(mask_key, sizeof mask_key, 0) != sizeof mask_key) fail("getrandom: %s", strerror(errno));
    connections = checked(calloc((size_t)options.connections, sizeof *connections));
    for (int i = 0; i < options.connections; i++)
        connections[i].sent_at = checked(calloc((size_t)options.in_flight, sizeof(uint64_t)));
    broadcast_missing = checked(calloc((size_t)options.in_flight, sizeof *broadcast_missing));
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) fail("epoll_create1: %s", strerror(errno));
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    prepare();

    uint64_t begin = last_progress = now = read_clock();
    open_more();
    while (ready < options.connections) {
        poll_once();
        if (now > last_progress + STALL_NS) fail("%d of %d connections are ready", ready, options.connections);
    }
    double connect_seconds = (double)(now - begin) / 1e9;
    if (options.work == IDLE) {
        stay_idle();
        return 0;
    }

    start_work();
    work_for(options.warmup);
    printf("{\"phase\": \"start\"}\n");
    fflush(stdout);
    memset(histogram, 0, sizeof histogram);
    latency_min = UINT64_MAX;
    latency_max = messages = broadcasts = 0;
    double cpu = cpu_seconds();
    begin = now = read_clock();
    work_for(options.seconds);
    double seconds = (double)(now - begin) / 1e9;
    cpu = cpu_seconds() - cpu;

    printf("{\"work\": \"%s\", \"connections\": %d, \"in_flight\": %d, \"size\": %d, "
           "\"connect_seconds\": %.3f, \"seconds\": %.4f, \"messages\": %llu, \"broadcasts\": %llu, "
           "\"errors\": %llu, \"load_cpu_seconds\": %.3f, "
           "\"latency_us\": {\"min\": %.1f, \"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}}\n",
           WORK_NAMES[options.work], options.connections, options.in_flight, options.size, connect_seconds,
           seconds, (unsigned long long)messages, (unsigned long long)broadcasts, (unsigned long long)errors, cpu,
           messages ? (double)latency_min / 1000 : 0.0, latency_percentile(0.5), latency_percentile(0.99),
           (double)latency_max / 1000);
    return errors ? 1 : 0;
}
