/* WebSocket, as much of RFC 6455 as servers may send without extensions. */
#define _GNU_SOURCE
#include "load.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* Key and accept are the example of RFC 6455 section 1.3. */
static const char REQUEST[] = "GET /socket.io/?EIO=4&transport=websocket%s%s HTTP/1.1\r\n"
                              "Host: 127.0.0.1:%d\r\n"
                              "Connection: Upgrade\r\n"
                              "Upgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\n"
                              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static uint8_t mask_key[4];

void choose_mask(void) {
    if (getrandom(mask_key, sizeof mask_key, 0) != sizeof mask_key) fail("getrandom: %s", strerror(errno));
}

/* Sending */

uint8_t *begin_frame(struct stream *s, uint8_t opcode, size_t length) {
    reserve(&s->out, length + 14);
    uint8_t *p = s->out.data + s->out.length;
    *p++ = 0x80 | opcode;
    if (length < 126) {
        *p++ = 0x80 | (uint8_t)length;
    } else {
        int bytes = length < 65536 ? 2 : 8;
        *p++ = bytes == 2 ? 0x80 | 126 : 0x80 | 127;
        for (int i = bytes - 1; i >= 0; i--) *p++ = (uint8_t)((uint64_t)length >> (8 * i));
    }
    memcpy(p, mask_key, 4);
    return p + 4;
}

void end_frame(struct stream *s, uint8_t *payload, size_t length) {
    uint64_t word, mask;
    memcpy(&mask, mask_key, 4);
    memcpy((uint8_t *)&mask + 4, mask_key, 4);
    size_t i = 0;
    for (; i + 8 <= length; i += 8) {
        memcpy(&word, payload + i, 8);
        word ^= mask;
        memcpy(payload + i, &word, 8);
    }
    for (; i < length; i++) payload[i] ^= mask_key[i & 3];
    s->out.length = (size_t)(payload - s->out.data) + length;
}

void queue_frame(struct stream *s, uint8_t opcode, const void *data, size_t length) {
    uint8_t *payload = begin_frame(s, opcode, length);
    if (length) memcpy(payload, data, length);
    end_frame(s, payload, length);
}

/* Receiving */

static size_t receive_frame(struct stream *s, const uint8_t *data, size_t available) {
    struct client *c = s->client;
    if (available < 2) return 0;
    if ((data[0] & 0xf0) != 0x80 || (data[1] & 0x80))
        fail("client %d: fragmented, compressed or masked frame: %02x %02x", number_of(c), data[0], data[1]);
    size_t header = 2;
    uint64_t length = data[1];
    if (length >= 126) {
        int bytes = length == 126 ? 2 : 8;
        header += (size_t)bytes;
        if (available < header) return 0;
        length = 0;
        for (int i = 0; i < bytes; i++) length = length << 8 | data[2 + i];
        if (length < (bytes == 2 ? 126u : 65536u)) fail("client %d: length not minimal", number_of(c));
        if (length > 1u << 30) fail("client %d: a frame of %llu bytes", number_of(c), (unsigned long long)length);
    }
    if (available - header < length) return 0;
    const uint8_t *payload = data + header;
    switch (data[0] & 0x0f) {
    case 1:
        receive_packet(c, payload, length);
        break;
    case 2:
        receive_binary(c, payload, length);
        break;
    case 8:
        if (c->state != LEAVING)
            fail("client %d: closed by the server with code %d", number_of(c),
                 length >= 2 ? payload[0] << 8 | payload[1] : 1005);
        stream_ended(s);
        break;
    case 9:
        queue_frame(s, 10, payload, length);
        break;
    default:
        fail("client %d: unexpected frame with opcode %d", number_of(c), data[0] & 0x0f);
    }
    return header + length;
}

static size_t receive_upgrade(struct stream *s, const uint8_t *data, size_t available) {
    const uint8_t *end = memmem(data, available, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t length = (size_t)(end - data) + 4;
    if (!starts_with(data, length, "HTTP/1.1 101 ") || !memmem(data, length, ACCEPT, strlen(ACCEPT)))
        fail("client %d: the upgrade was refused:\n%.*s", number_of(s->client), (int)length, (const char *)data);
    s->receive = receive_frame;
    if (s->client->state == PROBING) queue_frame(s, 1, "2probe", 6);
    return length;
}

void open_socket(struct client *c) {
    struct stream *s = &c->socket;
    open_stream(s, c);
    s->receive = receive_upgrade;
    char request[512];
    int length = snprintf(request, sizeof request, REQUEST, *c->sid ? "&sid=" : "", c->sid, options.port);
    append(&s->out, request, (size_t)length);
}
