/* Named triggers: run a function on the other side.
 *
 *     static void halt(void* user) { ... }                         // the robot
 *     EshmRpc* rpc = eshm_rpc_create("robot", ESHM_ROLE_MASTER);
 *     eshm_rpc_on_call(rpc, "halt", halt, NULL);
 *     eshm_rpc_start(rpc);
 *
 *     EshmRpc* rpc = eshm_rpc_create("robot", ESHM_ROLE_SLAVE);    // the panel
 *     eshm_rpc_call(rpc, "halt");
 *
 * Triggers go both ways over a channel of their own, "<channel>_ctl", which holds the newest one: those that are fired faster
 * than they are taken coalesce, and eshm_rpc_missed() counts them. A trigger carries a name and nothing else; values go
 * through a channel of records (eshm_data_api.h). Names are any bytes; UTF-8 is what others expect.
 *
 * Handlers run one after the other, in the order the triggers came, on one thread of the EshmRpc, with no lock held: a
 * handler may call any of these functions, eshm_rpc_stop() and eshm_rpc_destroy() included.
 *
 * A thread that waits for its master in eshm_rpc_create() can be cancelled (pthread_cancel()), as eshm.h says.
 *
 * Any threads may use one EshmRpc at once; eshm_rpc_destroy() must be the last call. In a child made by fork() an inherited
 * one is dead: every call but eshm_rpc_destroy() fails.
 *
 * Functions that return int return ESHM_SUCCESS or a negative enum ESHMError; eshm_rpc_get_last_error() says more. */
#ifndef ESHM_RPC_H
#define ESHM_RPC_H

#include "eshm_data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* One end of a trigger channel. */
typedef struct EshmRpc EshmRpc;

/* What runs when a trigger comes; `user` is what it was registered with. A C++ exception that
 * leaves it ends the process as one that nobody catches (std::terminate), unless it was registered
 * by way of eshm_rpc.hpp; pthread_exit() in it ends the dispatcher. */
typedef void (*eshm_rpc_handler)(void* user);

/* Opens the channel "<channel>_ctl", of which `channel` may have 1 to 245 bytes. A slave waits up to five seconds for its
 * master; afterwards it stays, whatever becomes of it. NULL if it cannot, with the reason on stderr. Runs no handlers before
 * eshm_rpc_start(), and none for what was fired before it was opened. */
EshmRpc* eshm_rpc_create(const char* channel, enum ESHMRole role);

/* Stops it, leaves the channel and frees it, once no other handler runs. Called from one of its handlers it returns at once,
 * no other handler runs from then on, and it is freed when that handler has returned. NULL does nothing. */
void eshm_rpc_destroy(EshmRpc* rpc);

/* Makes `handler` the one that runs when the other side calls `name`; an earlier one is replaced. At any time, also from a
 * handler.
 *
 *   ESHM_ERROR_INVALID_PARAM     rpc, name or handler is NULL
 *   ESHM_ERROR_NOT_INITIALIZED   inherited by fork() */
int eshm_rpc_on_call(EshmRpc* rpc, const char* name, eshm_rpc_handler handler, void* user);

/* Adds a handler that runs when the other side emits the event `name`, after those that are there. Errors as for
 * eshm_rpc_on_call(). */
int eshm_rpc_on_event(EshmRpc* rpc, const char* name, eshm_rpc_handler handler, void* user);

/* Starts running handlers, if that was not done yet. The newest trigger that has come since eshm_rpc_create() and was not
 * taken runs too.
 *
 *   ESHM_ERROR_INVALID_PARAM     rpc is NULL
 *   ESHM_ERROR_SHM_ATTACH        there is no thread to be had
 *   ESHM_ERROR_NOT_INITIALIZED   inherited by fork() */
int eshm_rpc_start(EshmRpc* rpc);

/* Stops running handlers. On return none runs, but for the one that called this, if one did: it waits for one that runs,
 * however long that takes, and says so on stderr after five seconds. Once stopped it does nothing.
 *
 *   ESHM_ERROR_INVALID_PARAM     rpc is NULL
 *   ESHM_ERROR_NOT_INITIALIZED   inherited by fork() */
int eshm_rpc_stop(EshmRpc* rpc);

/* Has the other side run its handler for the call `name`; where it has none, a line on its stderr says so. Does not wait for
 * that, and a newer trigger may take this one's place before it is taken. Needs no eshm_rpc_start().
 *
 *   ESHM_ERROR_INVALID_PARAM     rpc or name is NULL
 *   ESHM_ERROR_BUFFER_TOO_SMALL  the name is too long for the channel
 *   ESHM_ERROR_TIMEOUT, ESHM_ERROR_ROLE_MISMATCH, ESHM_ERROR_NOT_INITIALIZED   as for eshm_write(); nothing was fired */
int eshm_rpc_call(EshmRpc* rpc, const char* name);

/* Has the other side run all its handlers for the event `name`, if it has any. Otherwise as eshm_rpc_call(). */
int eshm_rpc_emit(EshmRpc* rpc, const char* name);

/* Triggers of the other side that were replaced by newer ones before they were taken. 0 for NULL. */
uint64_t eshm_rpc_missed(const EshmRpc* rpc);

/* Handlers run so far; one that has begun counts. 0 for NULL. */
uint64_t eshm_rpc_dispatched(const EshmRpc* rpc);

/* Why the last of these functions that failed on this thread did, in English; "" if none did. Never NULL, and valid until
 * the next failure on this thread. */
const char* eshm_rpc_get_last_error(void);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* ESHM_RPC_H */
