/* Engine.IO sessions, as socket.io-client opens them: by WebSocket, by polling, or by polling and then
 * the upgrade, which is complete when the last GET has come back. */
#define _GNU_SOURCE
#include "load.h"

#include <stdlib.h>
#include <string.h>

#define HANDSHAKES_AT_ONCE 64 /* below the accept backlog of every server */

int started, ready;
static int opening; /* clients that are not in the namespace yet */

bool starts_with(const uint8_t *data, size_t length, const char *text) {
    size_t wanted = strlen(text);
    return length >= wanted && memcmp(data, text, wanted) == 0;
}

/* Coming and going */

static void open_client(struct client *c) {
    uint64_t *sent_at = c->sent_at;
    struct buffer posting = c->posting;
    posting.length = 0;
    *c = (struct client){.state = OPENING, .sent_at = sent_at, .posting = posting, .group = c->group};
    c->socket.fd = c->poll.fd = c->post.fd = -1;
    c->opened_at = now;
    started++;
    opening++;
    if (options.transport == WEBSOCKET) {
        c->uses_socket = true;
        open_socket(c);
    } else {
        open_stream(&c->poll, c);
        c->poll.receive = receive_http;
        get(c, HANDSHAKE_ANSWER);
    }
}

void open_clients(void) {
    static int next; /* the place where the next closed client is looked for */
    while (started < options.connections && opening < HANDSHAKES_AT_ONCE) {
        while (clients[next].state != CLOSED) next = (next + 1) % options.connections;
        open_client(&clients[next]);
    }
}

void client_ready(struct client *c) {
    c->may_start = true;
    ready++;
    last_progress = now;
}

static void close_client(struct client *c) {
    close_stream(&c->socket);
    close_stream(&c->poll);
    close_stream(&c->post);
    if (c->may_start) ready--;
    c->may_start = false;
    c->state = CLOSED;
    started--;
}

void leave(struct client *c) {
    static const uint8_t NORMAL_CLOSURE[] = {1000 >> 8, 1000 & 255};
    queue_frame(&c->socket, 1, "41", 2);
    queue_frame(&c->socket, 8, NORMAL_CLOSURE, sizeof NORMAL_CLOSURE);
    c->state = LEAVING;
}

void stream_ended(struct stream *s) { close_client(s->client); }

/* Sending */

static void continue_polling(struct client *c) {
    if (c->uses_socket || c->state == LEAVING || c->state == CLOSED) return;
    bool own_stream = options.work->two_streams && c->state == READY;
    if (c->posting.length && !c->post_waits && (own_stream || !c->poll_waits)) post(c);
    if (c->poll_waits) return;
    if (!c->probed) {
        get(c, POLL_ANSWER);
        return;
    }
    close_stream(&c->poll);
    queue_frame(&c->socket, 1, "5", 1);
    c->uses_socket = true;
    c->state = READY;
    options.work->joined(c);
    flush(&c->socket);
}

void send_packet(struct client *c, const char *text) {
    if (c->uses_socket) {
        queue_frame(&c->socket, 1, text, strlen(text));
        return;
    }
    if (c->posting.length) append(&c->posting, "\x1e", 1);
    append_text(&c->posting, text);
}

/* Packets that were sent outside of the handling of received ones go out now. */
void flush_client(struct client *c) {
    if (c->uses_socket) flush(&c->socket);
    else continue_polling(c);
}

/* Receiving */

static void read_session_id(struct client *c, const uint8_t *data, size_t length) {
    static const char KEY[] = "\"sid\":\"";
    const uint8_t *id = memmem(data, length, KEY, sizeof KEY - 1), *end;
    if (!id) fail("client %d: no session id: %.*s", number_of(c), (int)length, (const char *)data);
    id += sizeof KEY - 1;
    end = memchr(id, '"', length - (size_t)(id - data));
    if (!end || (size_t)(end - id) >= sizeof c->sid)
        fail("client %d: session id: %.*s", number_of(c), (int)length, (const char *)data);
    memcpy(c->sid, id, (size_t)(end - id));
    c->sid[end - id] = 0;
}

static void receive_connect(struct client *c) {
    opening--;
    if (options.transport == UPGRADE) {
        c->state = PROBING;
        open_socket(c);
    } else {
        c->state = READY;
        options.work->joined(c);
    }
}

void receive_packet(struct client *c, const uint8_t *data, size_t length) {
    if (c->state == LEAVING || c->state == CLOSED) return;
    if (c->state == READY && length && data[0] == '4') {
        options.work->text(c, data, length);
    } else if (length == 1 && data[0] == '2') {
        send_packet(c, "3");
    } else if (c->state == OPENING && starts_with(data, length, "0{")) {
        read_session_id(c, data, length);
        c->state = JOINING;
        send_packet(c, "40");
    } else if (c->state == JOINING && starts_with(data, length, "40{")) {
        receive_connect(c);
    } else if (c->state == PROBING && length == 6 && memcmp(data, "3probe", 6) == 0) {
        c->probed = true;
        continue_polling(c);
    } else if (c->state != PROBING || length != 1 || data[0] != '6') {
        fail("client %d: unexpected packet: %.*s", number_of(c), (int)(length < 200 ? length : 200),
             (const char *)data);
    }
}

void receive_binary(struct client *c, const uint8_t *data, size_t length) {
    if (c->state != READY || !options.work->binary) fail("client %d: unexpected binary message", number_of(c));
    options.work->binary(c, data, length);
}

void receive_payload(struct client *c, enum expected expected, const uint8_t *data, size_t length) {
    if (expected == POST_ANSWER) {
        if (length != 2 || (data[0] | 0x20) != 'o' || (data[1] | 0x20) != 'k')
            fail("client %d: answer to POST: %.*s", number_of(c), (int)length, (const char *)data);
        c->post_waits = false;
        if (c->post.fd < 0) c->poll_waits = false;
    } else {
        c->poll_waits = false;
        while (c->state != CLOSED) {
            const uint8_t *end = memchr(data, '\x1e', length);
            size_t size = end ? (size_t)(end - data) : length;
            receive_packet(c, data, size);
            if (!end) break;
            data += size + 1;
            length -= size + 1;
        }
    }
    continue_polling(c);
}
