/*
 * A load generator for Socket.IO servers on 127.0.0.1.
 *
 *     load --port P --work NAME [--transport websocket|polling|upgrade] [--connections N] [--in-flight K]
 *          [--size S] [--room-size M] [--rate R] [--count SECONDS] [--warmup SECONDS] [--seconds SECONDS]
 *
 * N clients open a session of Engine.IO 4, join the main namespace, and do what the work says (see the
 * table in works.c), with K messages in flight on each (in each room, for broadcasts) and payloads of S
 * characters. Prints {"phase": "warm-up"} when all are there, {"phase": "start"} at the moment from which
 * everything counts, and after the measured time one line of JSON with the result. With `--count` the work
 * begins with {"phase": "count"}, and the line of the warm-up, which comes so many seconds later, tells how
 * many messages there were. A line on standard input ends each of these times early.
 *
 * The loop is closed: an answer makes the next message. With `--rate` R messages a second are due after
 * the warm-up, evenly spread in time and over the clients; latency then counts from the time at which a
 * message was due, also when the server is late and there are K messages in flight already.
 *
 * Exit status: 0, 1 if messages were wrong, 2 after anything else that should not happen (a packet that
 * nobody asked for, a connection that ends, too long a time without progress).
 */
#define _GNU_SOURCE
#include "load.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STALL_NS 60000000000ull
#define LOST_NS 15000000000ull        /* without progress; a broadcast to 10,000 takes some servers seconds */
#define LOST_POLLING_NS 4000000000ull /* less than servers keep an idle HTTP connection */
#define RATE_SETTLES_SECONDS 0.2
#define SEQUENCE_DIGITS 8

struct options options = {
    .connections = 1, .in_flight = 1, .size = 32, .warmup = 1, .seconds = 3, .transport = WEBSOCKET};
struct client *clients;
uint64_t last_progress, messages, errors;

_Noreturn void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

void *checked(void *memory) {
    if (!memory) fail("out of memory");
    return memory;
}

int number_of(const struct client *c) { return (int)(c - clients); }

void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

void poll_once(int milliseconds) {
    wait_for_events(milliseconds);
    if (options.work->repeats || ready < options.connections) open_clients();
    if ((!options.work->run || ready < options.connections) && now > last_progress + STALL_NS)
        fail("no progress for %d s; %d of %d clients are ready", (int)(STALL_NS / 1000000000), ready,
             options.connections);
}

static void work_for(double seconds) {
    uint64_t end = now + (uint64_t)(seconds * 1e9);
    for (told = false; now < end && !told;) poll_once(100);
}

/* Wait for the end of a broadcast, so that whole ones are measured however long they take. */
static void finish_broadcast(void) {
    uint64_t before = broadcasts;
    while (options.work->whole_broadcasts && broadcasts == before) poll_once(100);
}

static void work_at_rate_for(double seconds) {
    uint64_t end = now + (uint64_t)(seconds * 1e9);
    for (told = false; now < end && !told;) {
        poll_once(0);
        send_due_messages();
    }
}

void wait_until_told(void) {
    for (told = false; !told;) poll_once(100);
    now = read_clock();
}

static enum transport transport_named(const char *name) {
    if (strcmp(name, "websocket") == 0) return WEBSOCKET;
    if (strcmp(name, "polling") == 0) return POLLING;
    if (strcmp(name, "upgrade") == 0) return UPGRADE;
    fail("--transport is one of websocket, polling, upgrade");
}

static const struct work *work_named(const char *name) {
    for (size_t i = 0; i < WORK_COUNT; i++)
        if (strcmp(name, WORKS[i].name) == 0) return &WORKS[i];
    fail("there is no work %s", name);
}

static void parse_options(int argc, char **argv) {
    static const struct option LONG[] = {
        {"port", required_argument, NULL, 'p'},        {"work", required_argument, NULL, 'w'},
        {"connections", required_argument, NULL, 'n'}, {"in-flight", required_argument, NULL, 'k'},
        {"size", required_argument, NULL, 's'},        {"warmup", required_argument, NULL, 'u'},
        {"seconds", required_argument, NULL, 'd'},     {"transport", required_argument, NULL, 't'},
        {"room-size", required_argument, NULL, 'm'},   {"rate", required_argument, NULL, 'r'},
        {"count", required_argument, NULL, 'c'},
        {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", LONG, NULL)) != -1) {
        switch (option) {
        case 'p': options.port = atoi(optarg); break;
        case 'n': options.connections = atoi(optarg); break;
        case 'k': options.in_flight = atoi(optarg); break;
        case 's': options.size = atoi(optarg); break;
        case 'm': options.room_size = atoi(optarg); break;
        case 'r': options.rate = atof(optarg); break;
        case 'u': options.warmup = atof(optarg); break;
        case 'c': options.count = atof(optarg); break;
        case 'd': options.seconds = atof(optarg); break;
        case 't': options.transport = transport_named(optarg); break;
        case 'w': options.work = work_named(optarg); break;
        default: exit(2);
        }
    }
    if (optind < argc) fail("unexpected argument %s", argv[optind]);
    if (!options.work) fail("--work is required");
    if (options.port < 1 || options.port > 65535) fail("--port is required");
    if (options.connections < 1 || options.in_flight < 1 || !(options.count >= 0) || !(options.warmup >= 0) ||
        !(options.seconds > 0) || !(options.rate >= 0))
        fail("counts and times are positive numbers");
    if (options.size < SEQUENCE_DIGITS) fail("--size is at least %d", SEQUENCE_DIGITS);
    if (!options.room_size) options.room_size = options.connections;
    if (options.room_size < 0 || options.connections % options.room_size) fail("rooms are all of the same size");
    if (options.transport == POLLING && (options.work->request.binary || options.work->repeats))
        fail("this work needs a WebSocket");
    if (options.rate && (options.transport == POLLING || options.work->begin == NULL || options.work->binary))
        fail("this work has no fixed rate");
}

/* After the result: what is still on its way has to come, too. */
static void await_the_rest(void) {
    uint64_t patience = options.transport == POLLING ? LOST_POLLING_NS : LOST_NS;
    hold_back();
    last_progress = read_clock();
    while (missing_messages() && now < last_progress + patience) poll_once(100);
    if (!missing_messages()) return;
    fprintf(stderr, "load: %llu messages never came\n", (unsigned long long)missing_messages());
    errors += missing_messages();
}

static void print_result(double seconds, double connect_seconds, double cpu) {
    say("{\"work\": \"%s\", \"connections\": %d, \"in_flight\": %d, \"size\": %d, \"connect_seconds\": %.3f, "
        "\"seconds\": %.4f, \"messages\": %llu, \"broadcasts\": %llu, \"errors\": %llu, "
        "\"load_cpu_seconds\": %.3f, "
        "\"latency_us\": {\"min\": %.1f, \"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}}",
        options.work->name, options.connections, options.in_flight, options.size, connect_seconds, seconds,
        (unsigned long long)messages, (unsigned long long)broadcasts, (unsigned long long)errors, cpu,
        latency_min(), latency_percentile(0.5), latency_percentile(0.99), latency_max());
}

int main(int argc, char **argv) {
    parse_options(argc, argv);
    choose_mask();
    open_epoll();
    clients = checked(calloc((size_t)options.connections, sizeof *clients));
    for (int i = 0; i < options.connections; i++)
        clients[i].sent_at = checked(calloc((size_t)options.in_flight, sizeof(uint64_t)));
    prepare_works();

    uint64_t begin = last_progress = now = read_clock();
    open_clients();
    while (!options.work->repeats && ready < options.connections) poll_once(100);
    double connect_seconds = (double)(now - begin) / 1e9;
    if (options.work->run) {
        options.work->run();
        return errors ? 1 : 0;
    }

    say("{\"phase\": \"%s\"}", options.count > 0 ? "count" : "warm-up");
    if (options.work->begin) options.work->begin();
    if (options.count > 0) {
        work_for(options.count);
        finish_broadcast();
        say("{\"phase\": \"warm-up\", \"messages\": %llu}", (unsigned long long)messages);
    }
    work_for(options.warmup);
    finish_broadcast();
    if (options.rate) {
        hold_back();
        while (missing_messages()) poll_once(100);
        start_rate();
        work_at_rate_for(RATE_SETTLES_SECONDS);
    }
    say("{\"phase\": \"start\"}");
    clear_latencies();
    messages = broadcasts = 0;
    double cpu = cpu_seconds();
    begin = now = read_clock();
    if (options.rate) work_at_rate_for(options.seconds);
    else work_for(options.seconds);
    finish_broadcast();
    print_result((double)(now - begin) / 1e9, connect_seconds, cpu_seconds() - cpu);
    if (!options.work->repeats) await_the_rest();
    return errors ? 1 : 0;
}
