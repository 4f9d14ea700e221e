/* Handles that are opened and closed while a thread holds the loader's lock: within dlopen() and dlclose() themselves, and in
 * another thread meanwhile. usage: test_dlopen PLUGIN */
#define _GNU_SOURCE
#include "event.h"
#include "endpoint.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

static const char* plugin;

static void within_a_constructor_and_a_destructor(void) {
    for (int i = 0; i < 5; i++) {
        void* library = dlopen(plugin, RTLD_NOW | RTLD_LOCAL);
        if (library == NULL) fprintf(stderr, "%s\n", dlerror());
        CHECK(library != NULL);
        CHECK_EQ(dlclose(library), 0);
    }
    char name[64];
    snprintf(name, sizeof name, "t_plugin_%d", (int)getpid());
    CHECK_EQ(segment_inode(name), 0);
}

static Event held, go_on;

/* The loader's lock is held while this runs. */
static int hold_up(struct dl_phdr_info* info, size_t size, void* unused) {
    (void)info, (void)size, (void)unused;
    event_signal(held);
    event_wait(go_on);
    return 1;
}

static void* hold_the_loader(void* unused) {
    (void)unused;
    return (void*)(intptr_t)dl_iterate_phdr(hold_up, NULL);
}

static void while_another_thread_is_in_the_loader(void) {
    held = event_new();
    go_on = event_new();
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, hold_the_loader, NULL), 0);
    event_wait(held);
    const char* name = segment_name("dlopen_held");
    ESHMHandle* master = open_as(name, ESHM_ROLE_MASTER);
    const uint64_t beats = stats_of(master).master_heartbeat;
    CHECK_WITHIN(PATIENCE_MS, stats_of(master).master_heartbeat > beats + 20); /* the thread lives */
    close_end(master);
    event_signal(go_on);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    event_free(held);
    event_free(go_on);
}

int main(int argc, char** argv) {
    CHECK_EQ(argc, 2);
    plugin = argv[1];
    char name[80];
    snprintf(name, sizeof name, "t_plugin_%d", (int)getpid());
    segment_adopt(name);
    strcat(name, "_ctl");
    segment_adopt(name);
    alarm(60);
    RUN(within_a_constructor_and_a_destructor);
    RUN(while_another_thread_is_in_the_loader);
    printf("ok\n");
    return 0;
}
