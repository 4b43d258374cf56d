/*
 * What the parts of the load generator share. One thread, one epoll instance, no dependencies.
 *
 *   clock.c      time, latencies
 *   stream.c     a TCP connection: buffers, epoll
 *   websocket.c  frames (RFC 6455)
 *   http.c       requests and answers of long-polling
 *   session.c    an Engine.IO session that opens by one transport or the other and joins the namespace
 *   works.c      what the clients do, and whether the answers are right
 *   main.c       options, phases, the result
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum transport { WEBSOCKET, POLLING, UPGRADE };

struct options {
    int port, connections, in_flight, size, room_size;
    double count, warmup, seconds, rate;
    enum transport transport;
    const struct work *work;
};
extern struct options options;

struct buffer {
    uint8_t *data;
    size_t length, capacity;
};

enum expected { UPGRADE_ANSWER, HANDSHAKE_ANSWER, POLL_ANSWER, POST_ANSWER };

/* A TCP connection. `receive` takes one unit (a frame, an HTTP answer) from the beginning of what has
 * come; it returns the unit's size, 0 if it is not complete. */
struct stream {
    int fd;              /* -1: closed */
    bool connecting;     /* until then `out` waits */
    bool waits_for_room; /* EPOLLOUT is armed: the kernel took only a part of `out` */
    enum expected expected;
    size_t (*receive)(struct stream *, const uint8_t *data, size_t length);
    struct client *client;
    struct buffer in; /* an incomplete unit */
    struct buffer out;
};

enum state { CLOSED, OPENING, JOINING, PROBING, READY, LEAVING };

struct client {
    enum state state;
    bool may_start;           /* counted in `ready` */
    bool uses_socket;         /* packets go by WebSocket, from the beginning or after an upgrade */
    bool probed;              /* the server has answered the probe of an upgrade */
    bool poll_waits;          /* `poll` waits for an answer */
    bool post_waits;          /* a POST is on its way */
    bool expects_binary;      /* the text of a binary event has come, its attachment has not */
    struct stream socket;     /* WebSocket */
    struct stream poll, post; /* HTTP; `post` is used by works that poll and post at the same time */
    char sid[64];
    struct buffer posting;    /* packets for the next POST */
    uint32_t sent, received;  /* messages; also the sequence numbers of the next ones */
    uint64_t *sent_at;        /* ring of K times in ns */
    uint64_t opened_at;
    struct group *group;
};
extern struct client *clients;

/* How messages of a work look: head (with a sequence number), padding of the wanted size, tail. */
struct form {
    size_t (*head)(char *to, const struct client *, uint32_t sequence);
    const char *tail;
    bool padded, binary;
};

/* What clients do. */
struct work {
    const char *name;
    struct form request, answer;
    void (*joined)(struct client *); /* the client is in the namespace; calls `client_ready` when it may start */
    void (*begin)(void);             /* all clients are ready */
    void (*text)(struct client *, const uint8_t *, size_t); /* a packet of Socket.IO, with its `4` */
    void (*binary)(struct client *, const uint8_t *, size_t);
    void (*run)(void);               /* instead of warm-up and measured time */
    bool repeats;     /* clients leave when they are done, and others come in their place */
    bool broadcasts;  /* a message comes to all clients of the sender's group */
    bool whole_broadcasts; /* are measured: begin and end are between two of them */
    bool two_streams; /* polling clients post on a connection of their own, while a GET waits */
};
extern const struct work WORKS[];
extern const size_t WORK_COUNT;

/* main.c */
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *checked(void *memory);
int number_of(const struct client *);
extern int ready;               /* clients that may start, or have */
extern uint64_t last_progress;  /* when the last good message came, or a client got ready */
extern uint64_t messages, errors;
void wait_until_told(void);     /* while the clients go on */
void say(const char *format, ...) __attribute__((format(printf, 1, 2))); /* a line on standard output */
void poll_once(int milliseconds);

/* clock.c */
extern uint64_t now; /* ns, monotonic: read once after every system call that may block */
uint64_t read_clock(void);
double cpu_seconds(void);
void clear_latencies(void);
void record_latency(uint64_t ns);
double latency_percentile(double share); /* microseconds */
double latency_min(void), latency_max(void);

/* stream.c */
extern bool told; /* a line has come from standard input, or its end */
void open_epoll(void);
int wait_for_events(int milliseconds);
void reserve(struct buffer *, size_t extra);
void append(struct buffer *, const void *data, size_t length);
void append_text(struct buffer *, const char *text);
void open_stream(struct stream *, struct client *);
void close_stream(struct stream *);
void flush(struct stream *);

/* websocket.c */
void choose_mask(void);
void open_socket(struct client *); /* a WebSocket, for a new session or the client's own */
uint8_t *begin_frame(struct stream *, uint8_t opcode, size_t length); /* where to write so many bytes, then: */
void end_frame(struct stream *, uint8_t *payload, size_t length);
void queue_frame(struct stream *, uint8_t opcode, const void *data, size_t length);

/* http.c */
void get(struct client *, enum expected);
void post(struct client *);
size_t receive_http(struct stream *, const uint8_t *data, size_t length);

/* session.c */
extern int started; /* clients that were begun */
void open_clients(void);
void client_ready(struct client *);
void leave(struct client *);
void send_packet(struct client *, const char *text); /* of Engine.IO, by the transport that is in use */
void flush_client(struct client *);
void receive_packet(struct client *, const uint8_t *data, size_t length);
void receive_payload(struct client *, enum expected, const uint8_t *data, size_t length);
void receive_binary(struct client *, const uint8_t *data, size_t length);
void stream_ended(struct stream *);
bool starts_with(const uint8_t *data, size_t length, const char *text);

/* works.c */
void prepare_works(void);
void send_due_messages(void); /* of a fixed rate */
void start_rate(void);        /* from now on, and no answer makes the next message any more */
uint64_t missing_messages(void); /* answers and deliveries that have not come yet */
void hold_back(void);         /* no answer makes the next message */
extern uint64_t broadcasts;

#endif
