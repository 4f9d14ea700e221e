/* A library that opens and closes handles while the loader runs its constructor and its destructor. */
#include "endpoint.h"
#include "eshm_rpc.h"

static ESHMHandle* kept;

static void ignore(void* user) {
    (void)user;
}

__attribute__((constructor)) static void begin(void) {
    char name[64];
    snprintf(name, sizeof name, "t_plugin_%d", (int)getpid());
    ESHMConfig config = settings(name, ESHM_ROLE_MASTER);
    close_end(open_with(&config));
    EshmRpc* rpc = eshm_rpc_create(name, ESHM_ROLE_MASTER);
    CHECK(rpc != NULL);
    CHECK(eshm_rpc_call(rpc, NULL) != ESHM_SUCCESS); /* a failure, for its text */
    CHECK_EQ(eshm_rpc_on_call(rpc, "x", ignore, NULL), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_start(rpc), ESHM_SUCCESS);
    CHECK_EQ(eshm_rpc_stop(rpc), ESHM_SUCCESS);
    eshm_rpc_destroy(rpc);
    kept = open_with(&config);
}

__attribute__((destructor)) static void end(void) {
    close_end(kept);
}
