/*
 * What the clients do once they are in the namespace, and whether the answers are right: every byte of
 * every answer is compared, and each has the sequence number that is due on its connection, so a
 * message that is lost, repeated, changed or out of order is an error.
 *
 * Works are added to the table at the end.
 */
#define _GNU_SOURCE
#include "load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEQUENCE_DIGITS 8
#define ASK_AGAIN_NS 5000000ull

static const char BINARY_EVENT[] = "451-[\"binary\",{\"_placeholder\":true,\"num\":0}]";

/* All members have what the sender sends, before it sends more than K others. */
struct group {
    struct client *sender;
    uint32_t members;
    uint32_t oldest;   /* broadcast that is not complete */
    uint32_t *missing; /* deliveries still to come, ring of K */
};

uint64_t broadcasts;
static struct group *groups;
static char *padding;
static size_t padding_size;
static bool answers_send = true; /* an answer makes the next message: a closed loop */

void prepare_works(void) {
    padding_size = (size_t)options.size - SEQUENCE_DIGITS;
    padding = checked(malloc(padding_size + 1));
    for (size_t i = 0; i < padding_size; i++) padding[i] = (char)('a' + i % 26);
    int count = options.connections / options.room_size;
    groups = checked(calloc((size_t)count, sizeof *groups));
    for (int i = 0; i < options.connections; i++) {
        struct group *group = clients[i].group = &groups[i % count];
        if (!group->members++) group->sender = &clients[i];
        if (!group->missing) group->missing = checked(calloc((size_t)options.in_flight, sizeof *group->missing));
    }
}

/* The forms of messages */

static size_t write_decimal(char *to, uint32_t value) {
    char digits[10];
    size_t count = 0, length;
    do digits[count++] = (char)('0' + value % 10);
    while (value /= 10);
    for (length = 0; count; length++) to[length] = digits[--count];
    return length;
}

static size_t write_sequence(char *to, uint32_t value) {
    for (int i = SEQUENCE_DIGITS - 1; i >= 0; i--, value >>= 4) to[i] = "0123456789abcdef"[value & 15];
    return SEQUENCE_DIGITS;
}

/* `before`, the id of an acknowledgement, `after`, the sequence number. */
static size_t write_ack(char *to, const char *before, uint32_t id, const char *after) {
    char *p = stpcpy(to, before);
    p += write_decimal(p, id);
    return (size_t)(stpcpy(p, after) - to);
}

static size_t echo_head(char *to, const struct client *c, uint32_t sequence) {
    (void)c;
    size_t length = (size_t)(stpcpy(to, "42[\"echo\",\"") - to);
    return length + write_sequence(to + length, sequence);
}

static size_t ack_head(char *to, const struct client *c, uint32_t sequence) {
    (void)c;
    size_t length = write_ack(to, "42", sequence, "[\"ack\",\"");
    return length + write_sequence(to + length, sequence);
}

static size_t acked_head(char *to, const struct client *c, uint32_t sequence) {
    (void)c;
    size_t length = write_ack(to, "43", sequence, "[\"");
    return length + write_sequence(to + length, sequence);
}

static size_t order_head(char *to, const struct client *c, uint32_t sequence) {
    (void)c;
    size_t length = write_ack(to, "42", sequence, "[\"order\",{\"id\":");
    return length + write_decimal(to + length, sequence);
}

static size_t receipt_head(char *to, const struct client *c, uint32_t sequence) {
    (void)c;
    size_t length = write_ack(to, "43", sequence, "[{\"id\":");
    return length + write_decimal(to + length, sequence);
}

static size_t attachment_head(char *to, const struct client *c, uint32_t sequence) {
    (void)c;
    return write_sequence(to, sequence);
}

static size_t broadcast_head(char *to, const struct client *c, uint32_t sequence) {
    (void)c;
    size_t length = (size_t)(stpcpy(to, "42[\"broadcast\",\"") - to);
    return length + write_sequence(to + length, sequence);
}

static size_t room_head(char *to, const struct client *c, uint32_t sequence) {
    size_t length = (size_t)(stpcpy(to, "42[\"say\",\"room-") - to);
    length += write_decimal(to + length, (uint32_t)(c->group - groups));
    length = (size_t)(stpcpy(to + length, "\",\"") - to);
    return length + write_sequence(to + length, sequence);
}

static size_t news_head(char *to, const struct client *c, uint32_t sequence) {
    (void)c;
    size_t length = (size_t)(stpcpy(to, "42[\"news\",\"") - to);
    return length + write_sequence(to + length, sequence);
}

/* Sending and comparing */

static void send_message_due(struct client *c, uint64_t due) {
    const struct form *form = &options.work->request;
    char head[128];
    size_t head_length = form->head(head, c, c->sent), body_length = form->padded ? padding_size : 0;
    size_t tail_length = strlen(form->tail), length = head_length + body_length + tail_length;
    if (form->binary) send_packet(c, BINARY_EVENT);
    struct buffer *to = &c->posting;
    uint8_t *p, *frame = NULL;
    if (c->uses_socket) {
        p = frame = begin_frame(&c->socket, form->binary ? 2 : 1, length);
    } else {
        if (to->length) append(to, "\x1e", 1);
        reserve(to, length);
        p = to->data + to->length;
        to->length += length;
    }
    memcpy(p, head, head_length);
    memcpy(p + head_length, padding, body_length);
    memcpy(p + head_length + body_length, form->tail, tail_length);
    if (frame) end_frame(&c->socket, frame, length);
    c->sent_at[c->sent++ % (uint32_t)options.in_flight] = due;
}

static void send_message(struct client *c) { send_message_due(c, now); }

/* The first wrong message is shown, all are counted. */
static void wrong_message(struct client *c, const uint8_t *data, size_t length, const char *why) {
    if (errors++ == 0)
        fprintf(stderr, "load: client %d, message %u: %s: %.*s\n", number_of(c), c->received, why,
                (int)(length < 200 ? length : 200), (const char *)data);
}

static bool is_due(struct client *c, const uint8_t *data, size_t length) {
    const struct form *form = &options.work->answer;
    char head[128];
    size_t head_length = form->head(head, c, c->received), body_length = form->padded ? padding_size : 0;
    size_t tail_length = strlen(form->tail);
    return length == head_length + body_length + tail_length && memcmp(data, head, head_length) == 0 &&
           memcmp(data + head_length, padding, body_length) == 0 &&
           memcmp(data + head_length + body_length, form->tail, tail_length) == 0;
}

static void count_message(uint64_t since) {
    record_latency(now - since);
    messages++;
    last_progress = now;
}

/* Questions and answers on one connection */

static void begin_everywhere(void) {
    for (int i = 0; i < options.connections; i++) {
        for (int k = 0; k < options.in_flight; k++) send_message(&clients[i]);
        flush_client(&clients[i]);
    }
}

static void receive_answer(struct client *c, const uint8_t *data, size_t length) {
    if (c->received == c->sent) {
        wrong_message(c, data, length, "nothing was asked");
        return;
    }
    if (!is_due(c, data, length)) wrong_message(c, data, length, "not the answer that is due");
    count_message(c->sent_at[c->received++ % (uint32_t)options.in_flight]);
    if (answers_send) send_message(c);
}

static void receive_binary_event(struct client *c, const uint8_t *data, size_t length) {
    if (c->expects_binary || length != sizeof BINARY_EVENT - 1 || memcmp(data, BINARY_EVENT, length) != 0)
        wrong_message(c, data, length, "not the event with an attachment");
    c->expects_binary = true;
}

static void receive_attachment(struct client *c, const uint8_t *data, size_t length) {
    if (!c->expects_binary) wrong_message(c, data, length, "an attachment without event");
    c->expects_binary = false;
    receive_answer(c, data, length);
}

/* Every client first sends an order that is not valid, and must be told so. */
static void send_wrong_order(struct client *c) {
    send_packet(c, "420[\"order\",{\"id\":0,\"item\":\"tea\",\"quantity\":\"many\",\"price\":12.5,"
                   "\"express\":true,\"tags\":[]}]");
}

static void receive_receipt(struct client *c, const uint8_t *data, size_t length) {
    if (c->may_start) {
        receive_answer(c, data, length);
        return;
    }
    if (!starts_with(data, length, "430[{\"error\":")) wrong_message(c, data, length, "a wrong order passed");
    client_ready(c);
}

/* A fixed rate: each message has a time at which it is due, whatever became of the others */

static uint64_t rate_start, rate_count;

void hold_back(void) { answers_send = false; }

uint64_t missing_messages(void) {
    uint64_t missing = 0;
    for (int i = 0; i < options.connections; i++) {
        const struct client *c = &clients[i], *sender = options.work->broadcasts ? c->group->sender : c;
        missing += sender->sent - c->received;
    }
    return missing;
}

void start_rate(void) {
    rate_start = now;
    rate_count = 0;
}

void send_due_messages(void) {
    for (;;) {
        uint64_t due = rate_start + (uint64_t)((double)rate_count * 1e9 / options.rate);
        struct client *c = &clients[rate_count % (uint64_t)options.connections];
        if (due > now || c->sent - c->received == (uint32_t)options.in_flight) return;
        send_message_due(c, due);
        flush(&c->socket);
        rate_count++;
    }
}

/* Broadcasts */

static void send_broadcast(struct group *group) {
    group->missing[group->sender->sent % (uint32_t)options.in_flight] = group->members;
    send_message(group->sender);
}

static void begin_broadcasts(void) {
    for (int i = 0; i < options.connections / options.room_size; i++) {
        for (int k = 0; k < options.in_flight; k++) send_broadcast(&groups[i]);
        flush_client(groups[i].sender);
    }
}

static void receive_news(struct client *c, const uint8_t *data, size_t length) {
    struct group *group = c->group;
    struct client *sender = group->sender;
    if (c->received == sender->sent) {
        wrong_message(c, data, length, "nothing was broadcast");
        return;
    }
    if (!is_due(c, data, length)) wrong_message(c, data, length, "not the broadcast that is due");
    uint32_t slot = c->received++ % (uint32_t)options.in_flight;
    count_message(sender->sent_at[slot]);
    group->missing[slot]--;
    /* Servers may deliver to one connection before another, so a later broadcast can be complete first. */
    while (group->oldest < sender->sent && !group->missing[group->oldest % (uint32_t)options.in_flight]) {
        group->oldest++;
        broadcasts++;
        if (!answers_send) continue;
        send_broadcast(group);
        if (c != sender) flush_client(sender);
    }
}

static void join_room(struct client *c) {
    char packet[64];
    snprintf(packet, sizeof packet, "420[\"join\",\"room-%d\"]", (int)(c->group - groups));
    send_packet(c, packet);
}

static void receive_news_of_room(struct client *c, const uint8_t *data, size_t length) {
    if (c->may_start) {
        receive_news(c, data, length);
        return;
    }
    if (length != 9 || memcmp(data, "430[\"ok\"]", 9) != 0) wrong_message(c, data, length, "not in the room");
    client_ready(c);
}

/* Coming and going */

static void done(struct client *c) {
    count_message(c->opened_at);
    leave(c);
}

static void join_and_leave(struct client *c) {
    client_ready(c);
    if (options.transport == UPGRADE) send_message(c);
    else done(c);
}

/* After an upgrade the first answer by WebSocket shows that it works. */
static void receive_first_answer(struct client *c, const uint8_t *data, size_t length) {
    if (c->received == c->sent) wrong_message(c, data, length, "nothing was asked");
    if (!is_due(c, data, length)) wrong_message(c, data, length, "not the answer that is due");
    done(c);
}

static void stay_idle(void) {
    say("{\"phase\": \"idle\"}");
    wait_until_told();
}

/* All but the first client go at once; that one asks how many there are until it is alone. */
static uint32_t counted;
static uint64_t asked_at;

static void receive_count(struct client *c, const uint8_t *data, size_t length) {
    if (!starts_with(data, length, "430[")) wrong_message(c, data, length, "not a number of clients");
    counted = (uint32_t)strtoul((const char *)data + 4, NULL, 10);
    if (counted < 1) wrong_message(c, data, length, "not a number of clients");
    count_message(asked_at);
    asked_at = 0;
}

static void ask_for_count(void) {
    asked_at = now;
    counted = 0;
    send_packet(&clients[0], "420[\"count\"]");
    flush_client(&clients[0]);
    while (asked_at) poll_once(1);
}

static void storm(void) {
    ask_for_count();
    if (counted != (uint32_t)options.connections)
        fail("the server counts %u clients of %d", counted, options.connections);
    say("{\"phase\": \"ready\"}");
    wait_until_told();
    clear_latencies();
    uint64_t begin = now = read_clock();
    for (int i = 1; i < options.connections; i++) close_stream(&clients[i].socket);
    for (;;) {
        ask_for_count();
        if (counted == 1) break;
        for (uint64_t again = now + ASK_AGAIN_NS; now < again;) poll_once(1);
    }
    say("{\"gone\": %d, \"seconds\": %.4f, \"longest_answer_ms\": %.2f}", options.connections - 1,
        (double)(now - begin) / 1e9, latency_max() / 1000);
}

#define ANSWERED .begin = begin_everywhere, .joined = client_ready, .text = receive_answer

const struct work WORKS[] = {
    /* 42["echo","<payload>"] is answered by the same */
    {.name = "echo", .request = {echo_head, "\"]", .padded = true}, .answer = {echo_head, "\"]", .padded = true},
     ANSWERED, .two_streams = true},
    /* 42<id>["ack","<payload>"] is answered by 43<id>["<payload>"] */
    {.name = "ack", .request = {ack_head, "\"]", .padded = true}, .answer = {acked_head, "\"]", .padded = true},
     ANSWERED},
    /* 42<id>["order",{<six fields>}] is answered by 43<id>[{<four fields>}] */
    {.name = "typed",
     .request = {order_head, ",\"item\":\"Darjeeling, first flush\",\"quantity\":3,\"price\":12.5,\"express\":true,"
                             "\"tags\":[\"tea\",\"gift\"]}]"},
     .answer = {receipt_head, ",\"item\":\"Darjeeling, first flush\",\"total\":37.5,\"express\":true}]"},
     .begin = begin_everywhere, .joined = send_wrong_order, .text = receive_receipt},
    /* 451-["binary",<placeholder>] and an attachment are answered by the same */
    {.name = "binary", .request = {attachment_head, "", .padded = true, .binary = true},
     .answer = {attachment_head, "", .padded = true}, .begin = begin_everywhere, .joined = client_ready,
     .text = receive_binary_event, .binary = receive_attachment},
    /* 42["broadcast","<payload>"] of the first client comes to all of them as 42["news","<payload>"];
     * the next one starts when all have the K-th before it */
    {.name = "broadcast", .request = {broadcast_head, "\"]", .padded = true},
     .answer = {news_head, "\"]", .padded = true}, .begin = begin_broadcasts, .joined = client_ready,
     .text = receive_news, .broadcasts = true, .whole_broadcasts = true},
    /* the same in every room: 42["say","room-<n>","<payload>"] */
    {.name = "rooms", .request = {room_head, "\"]", .padded = true}, .answer = {news_head, "\"]", .padded = true},
     .begin = begin_broadcasts, .joined = join_room, .text = receive_news_of_room,
     .broadcasts = true},
    /* clients come, are let into the namespace, and leave */
    {.name = "connect", .request = {echo_head, "\"]", .padded = true}, .answer = {echo_head, "\"]", .padded = true},
     .joined = join_and_leave, .text = receive_first_answer, .repeats = true},
    /* clients do nothing, until standard input ends */
    {.name = "idle", .request = {0}, .joined = client_ready, .text = receive_answer, .run = stay_idle},
    /* when a line has come from standard input, all clients go at once, but one */
    {.name = "storm", .request = {0}, .joined = client_ready, .text = receive_count, .run = storm},
};
const size_t WORK_COUNT = sizeof WORKS / sizeof *WORKS;
