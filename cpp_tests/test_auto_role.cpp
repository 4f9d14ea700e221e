// ESHM_ROLE_AUTO between processes: who becomes what when one comes second, when both come at once, and after every kind of
// end of a master.
#include "child.h"
#include "endpoint.h"

namespace {

// Starts as AUTO, tells its role, and leaves when told to.
void hold_auto(Scene* scene) {
    ESHMHandle* end = open_as(scene->name, ESHM_ROLE_AUTO);
    event_send(scene->ready, static_cast<char>(role_of(end)));
    event_wait(scene->go);
    close_end(end);
}

// The role of the next process that has one.
enum ESHMRole next_role(const Scene& scene) {
    return static_cast<enum ESHMRole>(event_receive(scene.ready));
}

void the_first_is_master_the_second_slave() {
    const Scene scene = scene_new("auto");
    ESHMHandle* first = open_as(scene.name, ESHM_ROLE_AUTO);
    CHECK_EQ(role_of(first), ESHM_ROLE_MASTER);
    const pid_t child = CHILD_START(hold_auto, &scene);
    CHECK_EQ(next_role(scene), ESHM_ROLE_SLAVE);
    CHECK_WITHIN(PATIENCE_MS, slave_attached(first));
    event_signal(scene.go);
    child_join(child);
    close_end(first);
    scene_free(scene);
}

void auto_joins_a_master_that_asked_for_it() {
    const Scene scene = scene_new("auto");
    ESHMHandle* master = open_as(scene.name, ESHM_ROLE_MASTER);
    const pid_t child = CHILD_START(hold_auto, &scene);
    CHECK_EQ(next_role(scene), ESHM_ROLE_SLAVE);
    event_signal(scene.go);
    child_join(child);
    close_end(master);
    scene_free(scene);
}

void start_at_the_gate(Scene* scene) {
    event_wait(scene->gate);
    hold_auto(scene);
}

// Both at once, on a fresh name or on what a killed master left.
void race(bool leftover) {
    for (int round = 0; round < 8; round++) {
        const Scene scene = scene_new("auto");
        if (leftover) {
            const pid_t dead = CHILD_START(hold_auto, &scene);
            CHECK_EQ(next_role(scene), ESHM_ROLE_MASTER);
            child_crash(dead);
            CHECK(segment_inode(scene.name) != 0);
        }
        const pid_t one = CHILD_START(start_at_the_gate, &scene), other = CHILD_START(start_at_the_gate, &scene);
        event_signal(scene.gate);
        event_signal(scene.gate);
        const int masters = (next_role(scene) == ESHM_ROLE_MASTER) + (next_role(scene) == ESHM_ROLE_MASTER);
        CHECK_EQ(masters, 1);
        event_signal(scene.go);
        event_signal(scene.go);
        child_join(one);
        child_join(other);
        CHECK_EQ(segment_inode(scene.name), 0);
        scene_free(scene);
    }
}

void two_at_once_become_one_of_each() { race(false); }
void two_at_once_on_a_leftover_become_one_of_each() { race(true); }

void auto_replaces_a_master_that_crashed() {
    const Scene scene = scene_new("auto");
    const pid_t first = CHILD_START(hold_auto, &scene);
    CHECK_EQ(next_role(scene), ESHM_ROLE_MASTER);
    child_crash(first);
    CHECK(segment_inode(scene.name) != 0); // a leftover
    ESHMHandle* second = open_as(scene.name, ESHM_ROLE_AUTO);
    CHECK_EQ(role_of(second), ESHM_ROLE_MASTER);
    const pid_t child = CHILD_START(hold_auto, &scene);
    CHECK_EQ(next_role(scene), ESHM_ROLE_SLAVE);
    event_signal(scene.go);
    child_join(child);
    close_end(second);
    scene_free(scene);
}

void auto_follows_a_master_that_left() {
    const Scene scene = scene_new("auto");
    const pid_t first = CHILD_START(hold_auto, &scene);
    CHECK_EQ(next_role(scene), ESHM_ROLE_MASTER);
    event_signal(scene.go);
    child_join(first);
    CHECK_EQ(segment_inode(scene.name), 0);
    ESHMHandle* second = open_as(scene.name, ESHM_ROLE_AUTO);
    CHECK_EQ(role_of(second), ESHM_ROLE_MASTER);
    close_end(second);
    scene_free(scene);
}

// A slave that lives on makes the successor of its master take the segment over in place.
void auto_takes_over_beside_a_living_slave() {
    const Scene scene = scene_new("auto");
    const pid_t first = CHILD_START(hold_auto, &scene);
    CHECK_EQ(next_role(scene), ESHM_ROLE_MASTER);
    ESHMHandle* slave = open_as(scene.name, ESHM_ROLE_SLAVE);
    const unsigned long long inode = segment_inode(scene.name);
    child_crash(first);
    const pid_t second = CHILD_START(hold_auto, &scene);
    CHECK_EQ(next_role(scene), ESHM_ROLE_MASTER);
    CHECK_EQ(segment_inode(scene.name), inode);
    CHECK_WITHIN(PATIENCE_MS, peer_alive(slave) && !detached(slave));
    CHECK_EQ(stats_of(slave).master_pid, second);
    event_signal(scene.go);
    child_join(second);
    close_end(slave);
    scene_free(scene);
}

} // namespace

int main(int argc, char** argv) {
    const ChildBody bodies[] = {CHILD_BODY(hold_auto), CHILD_BODY(start_at_the_gate)};
    CHILD_MAIN(argc, argv, bodies);
    RUN(the_first_is_master_the_second_slave);
    RUN(auto_joins_a_master_that_asked_for_it);
    RUN(two_at_once_become_one_of_each);
    RUN(two_at_once_on_a_leftover_become_one_of_each);
    RUN(auto_replaces_a_master_that_crashed);
    RUN(auto_follows_a_master_that_left);
    RUN(auto_takes_over_beside_a_living_slave);
    puts("test_auto_role: passed");
    return 0;
}
