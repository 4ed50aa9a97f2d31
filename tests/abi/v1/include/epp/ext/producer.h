/* epp.producer/1: computes attributes for a request before it is scheduled.
 *
 * Producers run in the order of what they consume. A synchronous producer writes through host/attributes.h and
 * returns EPP_OK. An asynchronous one keeps `token`, returns EPP_PENDING and calls complete() of epp.host.async/1
 * (host/services.h) from any thread, any time: the host copies the values; after the time limit or a cancel that call
 * is a counted no-op. An asynchronous producer must not touch request, candidates or columns after it has returned; a
 * synchronous one must not use `token`.
 *
 * On error or timeout the values of this producer are absent, the producers that require them are skipped, and the
 * request goes on.
 */
#ifndef EPP_EXT_PRODUCER_H
#define EPP_EXT_PRODUCER_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_EXT_PRODUCER "epp.producer/1"

typedef struct epp_producer {
  uint32_t size;
  uint32_t reserved;
  /* Writes this instance's attributes for the request. [concurrent] */
  epp_status (*produce)(const epp_instance* instance, const epp_request* request, const epp_candidates* candidates,
                        uint64_t token, epp_error* error);
  /* Optional. How long a PENDING answer is waited for, in nanoseconds; 0 or absent: 400 ms. Asked once, after creation.
   * [main] */
  uint64_t (*time_limit)(const epp_instance* instance);
  /* Optional. Nobody waits for `token` any more: the time is up or the request is over. [concurrent] */
  void (*cancel)(const epp_instance* instance, uint64_t token);
} epp_producer;

#ifdef __cplusplus
}
#endif

#endif
