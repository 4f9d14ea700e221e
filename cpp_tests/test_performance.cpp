// Prints what the library costs on this machine, and checks every message on the way: nothing torn, nothing lost in a
// ping-pong, nothing twice. No figure is asserted; a slow machine is no failure.
//
//   test_performance [SECONDS]    how long to measure each line, default 0.3
#include "child.h"
#include "endpoint.h"

#include <algorithm>
#include <vector>

namespace {

double seconds = 0.3;

Scene scene_of_size(size_t size) {
    Scene scene = scene_new("perf");
    scene.size = static_cast<uint32_t>(size);
    return scene;
}

void measure_write(size_t size) {
    ESHMHandle* master = open_as(segment_name("perf"), ESHM_ROLE_MASTER);
    static uint8_t bytes[ESHM_MAX_DATA_SIZE];
    double best = 1e9;
    uint64_t writes = 0;
    for (const double end = check_now() + seconds; check_now() < end;) {
        const int batch = 5000;
        const double start = check_now();
        for (int i = 0; i < batch; i++) CHECK_EQ(eshm_write(master, bytes, size), ESHM_SUCCESS);
        best = std::min(best, (check_now() - start) / batch);
        writes += batch;
    }
    CHECK_EQ(stats_of(master).m2s_write_count, writes);
    printf("    write      %6zu bytes: %8.1f ns\n", size, best * 1e9);
    close_end(master);
}

// Ends by an empty message.
void echo(Scene* scene) {
    ESHMHandle* slave = open_as(scene->name, ESHM_ROLE_SLAVE);
    event_signal(scene->ready);
    static uint8_t bytes[ESHM_MAX_DATA_SIZE];
    for (size_t size = 1; size > 0;) {
        CHECK_EQ(eshm_read_ex(slave, bytes, sizeof bytes, &size, PATIENCE_MS), ESHM_SUCCESS);
        if (size > 0) CHECK_EQ(eshm_write(slave, bytes, size), ESHM_SUCCESS);
    }
    close_end(slave);
}

void measure_round_trip(size_t size) {
    const Scene scene = scene_of_size(size);
    ESHMHandle* master = open_as(scene.name, ESHM_ROLE_MASTER);
    const pid_t child = CHILD_START(echo, &scene);
    event_wait(scene.ready);
    static uint8_t out[ESHM_MAX_DATA_SIZE], in[ESHM_MAX_DATA_SIZE];
    std::vector<double> trips;
    trips.reserve(1 << 22);
    double now = check_now();
    const double start = now, end = now + seconds;
    pattern_fill(out, size, 0);
    for (uint32_t number = 1; now < end; number++) {
        memcpy(out, &number, sizeof number);
        size_t got = 0;
        CHECK_EQ(eshm_write(master, out, size), ESHM_SUCCESS);
        CHECK_EQ(eshm_read_ex(master, in, sizeof in, &got, PATIENCE_MS), ESHM_SUCCESS);
        CHECK_EQ(got, size);
        CHECK(memcmp(in, out, size) == 0); // this very message, and whole
        const double then = now;
        now = check_now();
        trips.push_back(now - then);
    }
    CHECK_EQ(eshm_write(master, "", 0), ESHM_SUCCESS);
    child_join(child);
    const double rate = static_cast<double>(trips.size()) / (now - start);
    std::sort(trips.begin(), trips.end());
    printf("    round trip %6zu bytes: %8.0f per second, median %.2f us, 99 %% %.2f us, worst %.0f us\n", size, rate,
           trips[trips.size() / 2] * 1e6, trips[trips.size() * 99 / 100] * 1e6, trips.back() * 1e6);
    close_end(master);
    scene_free(scene);
}

// Reads what it can of a flood, until an empty message.
void drain(Scene* scene) {
    ESHMHandle* slave = open_as(scene->name, ESHM_ROLE_SLAVE);
    event_signal(scene->ready);
    static uint8_t bytes[ESHM_MAX_DATA_SIZE];
    uint64_t seen = 0;
    uint32_t last = 0;
    const double start = check_now();
    for (;;) {
        size_t size = 0;
        CHECK_EQ(eshm_read_ex(slave, bytes, sizeof bytes, &size, PATIENCE_MS), ESHM_SUCCESS);
        if (size == 0) break;
        CHECK_EQ(size, scene->size);
        const uint32_t number = pattern_number(bytes);
        CHECK(number > last);
        for (size_t i = 4; i < size; i++) CHECK_EQ(bytes[i], number & 0xff); // torn, if not
        last = number;
        seen++;
    }
    printf("    delivered  %6u bytes: %8.0f per second\n", scene->size, static_cast<double>(seen) / (check_now() - start));
    close_end(slave);
}

void measure_stream(size_t size) {
    const Scene scene = scene_of_size(size);
    ESHMHandle* master = open_as(scene.name, ESHM_ROLE_MASTER);
    const pid_t child = CHILD_START(drain, &scene);
    event_wait(scene.ready);
    static uint8_t bytes[ESHM_MAX_DATA_SIZE];
    uint32_t number = 0;
    const double start = check_now();
    while (check_now() < start + seconds)
        for (int i = 0; i < 50; i++) {
            number++;
            memset(bytes, static_cast<int>(number & 0xff), size);
            for (int byte = 0; byte < 4; byte++) bytes[byte] = static_cast<uint8_t>(number >> (8 * byte));
            CHECK_EQ(eshm_write(master, bytes, size), ESHM_SUCCESS);
        }
    printf("    written    %6zu bytes: %8.0f per second\n", size, number / (check_now() - start));
    CHECK_EQ(eshm_write(master, "", 0), ESHM_SUCCESS);
    child_join(child);
    close_end(master);
    scene_free(scene);
}

const size_t kSizes[] = {32, ESHM_MAX_DATA_SIZE / 4, ESHM_MAX_DATA_SIZE};

void writes() {
    for (size_t size : kSizes) measure_write(size);
}
void round_trips() {
    for (size_t size : kSizes) measure_round_trip(size);
}
void streams() {
    for (size_t size : kSizes) measure_stream(size);
}

} // namespace

int main(int argc, char** argv) {
    const ChildBody bodies[] = {CHILD_BODY(echo), CHILD_BODY(drain)};
    CHILD_MAIN(argc, argv, bodies);
    if (argc > 1) seconds = atof(argv[1]);
    if (argc > 2 || !(seconds > 0 && seconds <= 5)) {
        fprintf(stderr, "usage: test_performance [SECONDS]    up to 5 for each line, default 0.3\n");
        return 2;
    }
    RUN(writes);
    RUN(round_trips);
    RUN(streams);
    puts("test_performance: passed");
    return 0;
}
