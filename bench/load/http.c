/* HTTP/1.1, as much as long-polling needs: kept-alive connections, one request at a time on each. */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void get(struct client *c, enum expected expected) {
    struct stream *s = &c->poll;
    char request[256];
    int length = snprintf(request, sizeof request,
                          "GET /socket.io/?EIO=4&transport=polling%s%s HTTP/1.1\r\n"
                          "Host: 127.0.0.1:%d\r\n"
                          "Accept: */*\r\n\r\n",
                          *c->sid ? "&sid=" : "", c->sid, options.port);
    append(&s->out, request, (size_t)length);
    s->expected = expected;
    c->poll_waits = true;
    flush(s);
}

/* Send all packets that wait for it in one POST. */
void post(struct client *c) {
    struct stream *s = &c->poll;
    if (options.work->two_streams && c->state == READY) {
        s = &c->post;
        if (s->fd < 0) {
            open_stream(s, c);
            s->receive = receive_http;
        }
    } else {
        c->poll_waits = true; /* no GET before the answer */
    }
    char request[256];
    int length = snprintf(request, sizeof request,
                          "POST /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\n"
                          "Host: 127.0.0.1:%d\r\n"
                          "Accept: */*\r\n"
                          "Content-Type: text/plain;charset=UTF-8\r\n"
                          "Content-Length: %zu\r\n\r\n",
                          c->sid, options.port, c->posting.length);
    append(&s->out, request, (size_t)length);
    append(&s->out, c->posting.data, c->posting.length);
    c->posting.length = 0;
    s->expected = POST_ANSWER;
    c->post_waits = true;
    flush(s);
}

/* The value of a header field, or null; the header ends with an empty line. */
static const char *field(const uint8_t *header, size_t length, const char *name) {
    const char *line = (const char *)header, *end = line + length;
    size_t size = strlen(name);
    while ((line = memmem(line, (size_t)(end - line), "\r\n", 2)) && (line += 2) < end) {
        if ((size_t)(end - line) > size && strncasecmp(line, name, size) == 0 && line[size] == ':') {
            line += size + 1;
            while (*line == ' ') line++;
            return line;
        }
    }
    return NULL;
}

/* Put together the chunks that start at `data` into `body`; returns their size, 0 if some are to come. */
static size_t receive_chunks(struct stream *s, const uint8_t *data, size_t available, struct buffer *body) {
    size_t used = 0;
    body->length = 0;
    for (;;) {
        const uint8_t *end = memmem(data + used, available - used, "\r\n", 2);
        if (!end) return 0;
        char *digits_end;
        size_t size = strtoul((const char *)data + used, &digits_end, 16);
        if (digits_end == (const char *)data + used) fail("client %d: not a chunk", number_of(s->client));
        used = (size_t)(end - data) + 2;
        if (available - used < size + 2) return 0;
        if (memcmp(data + used + size, "\r\n", 2) != 0) fail("client %d: a chunk too long", number_of(s->client));
        append(body, data + used, size);
        used += size + 2;
        if (!size) return used;
    }
}

size_t receive_http(struct stream *s, const uint8_t *data, size_t available) {
    static struct buffer chunks;
    const uint8_t *end = memmem(data, available, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t header = (size_t)(end - data) + 4, length;
    const uint8_t *body = data + header;
    const char *value = field(data, header, "content-length");
    if (!starts_with(data, header, "HTTP/1.1 200 "))
        fail("client %d: HTTP:\n%.*s", number_of(s->client), (int)available, (const char *)data);
    if (value) {
        length = strtoul(value, NULL, 10);
        if (available - header < length) return 0;
        receive_payload(s->client, s->expected, body, length);
        return header + length;
    }
    value = field(data, header, "transfer-encoding");
    if (!value || strncasecmp(value, "chunked\r", 8) != 0)
        fail("client %d: an answer without length:\n%.*s", number_of(s->client), (int)header, (const char *)data);
    length = receive_chunks(s, body, available - header, &chunks);
    if (!length) return 0;
    receive_payload(s->client, s->expected, chunks.data, chunks.length);
    return header + length;
}
