/* Time, and a histogram of latencies in steps of at most 1/64 of the value, so that no run grows it. */
#define _GNU_SOURCE
#include "load.h"

#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define STEPS 64

uint64_t now;
static uint64_t histogram[STEPS * 60];
static uint64_t lowest = UINT64_MAX, highest;

uint64_t read_clock(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void clear_latencies(void) {
    memset(histogram, 0, sizeof histogram);
    lowest = UINT64_MAX;
    highest = 0;
}

void record_latency(uint64_t ns) {
    int power = 63 - __builtin_clzll(ns | 1);
    size_t index = power < 6 ? ns : (size_t)(power - 5) * STEPS + ((ns >> (power - 6)) & (STEPS - 1));
    histogram[index]++;
    if (ns < lowest) lowest = ns;
    if (ns > highest) highest = ns;
}

double latency_percentile(double share) {
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

double latency_min(void) { return lowest == UINT64_MAX ? 0 : (double)lowest / 1000; }

double latency_max(void) { return (double)highest / 1000; }
