// How each side learns that the other is gone, and that it is back: a crash, a clean exit, a stop, and nobody ever there.
#include "child.h"
#include "endpoint.h"

namespace {

ESHMConfig settings_of(const Scene& scene, enum ESHMRole role) {
    ESHMConfig config = settings(scene.name, role);
    config.stale_threshold_ms = scene.stale_threshold_ms;
    return config;
}

// A scene with a child in this role.
Scene scene_with(enum ESHMRole role, uint32_t stale_threshold_ms = 100) {
    Scene scene = scene_new("stale");
    scene.role = role;
    scene.stale_threshold_ms = stale_threshold_ms;
    return scene;
}

// Opens the scene's end, holds it until told to go, and leaves cleanly.
void hold(Scene* scene) {
    const ESHMConfig config = settings_of(*scene, static_cast<enum ESHMRole>(scene->role));
    ESHMHandle* end = open_with(&config);
    event_signal(scene->ready);
    event_wait(scene->go);
    close_end(end);
}

pid_t start(const Scene& scene) {
    const pid_t child = CHILD_START(hold, &scene);
    event_wait(scene.ready);
    return child;
}

// Both ends of a scene: ours, and the child in its role; the master first.
struct Ends {
    ESHMHandle* ours;
    pid_t child;
};

Ends open_ends(const Scene& scene) {
    Ends ends = {NULL, 0};
    const bool child_first = scene.role == ESHM_ROLE_MASTER;
    const ESHMConfig config = settings_of(scene, child_first ? ESHM_ROLE_SLAVE : ESHM_ROLE_MASTER);
    if (child_first) ends.child = start(scene);
    ends.ours = open_with(&config);
    if (!child_first) ends.child = start(scene);
    return ends;
}

void a_crash_of_the_slave_is_noticed() {
    const Scene scene = scene_with(ESHM_ROLE_SLAVE);
    const Ends ends = open_ends(scene);
    CHECK_WITHIN(PATIENCE_MS, slave_attached(ends.ours));
    child_crash(ends.child);
    CHECK_WITHIN(PATIENCE_MS, !peer_alive(ends.ours));
    const ESHMStats stats = stats_of(ends.ours);
    CHECK(stats.slave_alive); // nobody was left to clear the flag
    CHECK_EQ(stats.slave_pid, ends.child);
    send_text(ends.ours, "into the void"); // a master goes on
    close_end(ends.ours);
    scene_free(scene);
}

void a_crash_of_the_master_is_noticed() {
    const Scene scene = scene_with(ESHM_ROLE_MASTER);
    const Ends ends = open_ends(scene);
    CHECK_WITHIN(PATIENCE_MS, peer_alive(ends.ours));
    child_crash(ends.child);
    CHECK_WITHIN(PATIENCE_MS, !peer_alive(ends.ours));
    CHECK_WITHIN(PATIENCE_MS, detached(ends.ours));
    close_end(ends.ours);
    scene_free(scene);
}

const uint32_t kMinute = 60000; // a threshold far above PATIENCE_MS

// A crash is proven by the kernel, so it does not wait for the threshold.
void a_crash_is_proven_before_the_threshold(enum ESHMRole victim) {
    const Scene scene = scene_with(victim, kMinute);
    const Ends ends = open_ends(scene);
    CHECK_EQ(stats_of(ends.ours).stale_threshold, kMinute);
    CHECK(peer_alive(ends.ours));
    child_crash(ends.child);
    CHECK_WITHIN(PATIENCE_MS, !peer_alive(ends.ours));
    close_end(ends.ours);
    scene_free(scene);
}

void a_crash_of_the_slave_is_proven_before_the_threshold() { a_crash_is_proven_before_the_threshold(ESHM_ROLE_SLAVE); }
void a_crash_of_the_master_is_proven_before_the_threshold() { a_crash_is_proven_before_the_threshold(ESHM_ROLE_MASTER); }

// Long enough for the library to have seen what is there now: it makes up for at most 100 heartbeats at a time.
void let_it_look(ESHMHandle* end) {
    const uint64_t before = stats_of(end).master_heartbeat;
    CHECK_WITHIN(PATIENCE_MS, stats_of(end).master_heartbeat >= before + 250);
}

void a_clean_exit_is_noticed_before_the_threshold(enum ESHMRole leaver) {
    const Scene scene = scene_with(leaver, kMinute);
    const Ends ends = open_ends(scene);
    let_it_look(ends.ours); // a visit shorter than a heartbeat may go unseen
    CHECK(peer_alive(ends.ours));
    event_signal(scene.go);
    child_join(ends.child);
    CHECK_WITHIN(PATIENCE_MS, !peer_alive(ends.ours));
    close_end(ends.ours);
    scene_free(scene);
}

void a_clean_exit_of_the_slave_is_noticed_before_the_threshold() {
    a_clean_exit_is_noticed_before_the_threshold(ESHM_ROLE_SLAVE);
}
void a_clean_exit_of_the_master_is_noticed_before_the_threshold() {
    a_clean_exit_is_noticed_before_the_threshold(ESHM_ROLE_MASTER);
}

void a_stopped_process_is_stale_and_recovers() {
    const Scene scene = scene_with(ESHM_ROLE_SLAVE);
    const Ends ends = open_ends(scene);
    CHECK_WITHIN(PATIENCE_MS, slave_attached(ends.ours));
    for (int round = 0; round < 2; round++) {
        CHECK_EQ(kill(ends.child, SIGSTOP), 0);
        CHECK_WITHIN(PATIENCE_MS, !peer_alive(ends.ours));
        CHECK(stats_of(ends.ours).slave_alive); // silent, not gone
        CHECK_EQ(kill(ends.child, SIGCONT), 0);
        CHECK_WITHIN(PATIENCE_MS, peer_alive(ends.ours));
    }
    event_signal(scene.go);
    child_join(ends.child);
    close_end(ends.ours);
    scene_free(scene);
}

void a_stopped_master_is_the_same_master_when_it_goes_on() {
    const Scene scene = scene_with(ESHM_ROLE_MASTER);
    const Ends ends = open_ends(scene);
    CHECK_EQ(kill(ends.child, SIGSTOP), 0);
    CHECK_WITHIN(PATIENCE_MS, !peer_alive(ends.ours) && detached(ends.ours));
    CHECK_EQ(kill(ends.child, SIGCONT), 0);
    CHECK_WITHIN(PATIENCE_MS, peer_alive(ends.ours) && !detached(ends.ours));
    CHECK_EQ(stats_of(ends.ours).master_pid, ends.child);
    event_signal(scene.go);
    child_join(ends.child);
    close_end(ends.ours);
    scene_free(scene);
}

// Silence shorter than the threshold is none, whatever the other side asked for.
void the_threshold_is_the_creators() {
    const Scene scene = scene_with(ESHM_ROLE_SLAVE, 10);
    ESHMConfig patient = settings(scene.name, ESHM_ROLE_MASTER);
    patient.stale_threshold_ms = kMinute;
    ESHMHandle* master = open_with(&patient);
    const pid_t child = start(scene);
    CHECK_EQ(stats_of(master).stale_threshold, kMinute);
    CHECK_EQ(kill(child, SIGSTOP), 0);
    for (const double end = check_now() + 0.3; check_now() < end; check_pause_ms(5)) CHECK(peer_alive(master));
    CHECK_EQ(kill(child, SIGCONT), 0);
    event_signal(scene.go);
    child_join(child);
    close_end(master);
    scene_free(scene);
}

void a_master_alone_sees_a_stale_remote() {
    ESHMHandle* master = open_as(segment_name("stale"), ESHM_ROLE_MASTER);
    CHECK_WITHIN(PATIENCE_MS, !peer_alive(master));
    CHECK(!stats_of(master).slave_alive);
    CHECK_EQ(stats_of(master).slave_pid, 0);
    close_end(master);
}

// A read that waits without limit ends when it can no longer succeed.
void an_endless_read_ends_when_the_master_crashes() {
    const Scene scene = scene_with(ESHM_ROLE_MASTER);
    const pid_t child = start(scene);
    ESHMConfig config = settings(scene.name, ESHM_ROLE_SLAVE);
    config.disconnect_behavior = ESHM_DISCONNECT_IMMEDIATELY;
    ESHMHandle* slave = open_with(&config);
    child_crash(child);
    char byte;
    CHECK_EQ(eshm_read_ex(slave, &byte, 1, NULL, ESHM_TIMEOUT_INFINITE), ESHM_ERROR_MASTER_STALE);
    close_end(slave);
    scene_free(scene);
}

} // namespace

int main(int argc, char** argv) {
    const ChildBody bodies[] = {CHILD_BODY(hold)};
    CHILD_MAIN(argc, argv, bodies);
    RUN(a_crash_of_the_slave_is_noticed);
    RUN(a_crash_of_the_master_is_noticed);
    RUN(a_crash_of_the_slave_is_proven_before_the_threshold);
    RUN(a_crash_of_the_master_is_proven_before_the_threshold);
    RUN(a_clean_exit_of_the_slave_is_noticed_before_the_threshold);
    RUN(a_clean_exit_of_the_master_is_noticed_before_the_threshold);
    RUN(a_stopped_process_is_stale_and_recovers);
    RUN(a_stopped_master_is_the_same_master_when_it_goes_on);
    RUN(the_threshold_is_the_creators);
    RUN(a_master_alone_sees_a_stale_remote);
    RUN(an_endless_read_ends_when_the_master_crashes);
    puts("test_stale_detection: passed");
    return 0;
}
