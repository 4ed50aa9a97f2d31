/* epp.host.instances/0 (draft): how an instance reaches another one that its parameters name.
 *
 * The other one is built before and destroyed after the one that names it, and is built anew with it, so what is got
 * here stays good for as long as the caller lives. The caller calls the table itself, under the extension's thread
 * contract: the host neither times these calls nor replaces their answers, and what comes of them counts as the
 * caller's doing.
 */
#ifndef EPP_HOST_INSTANCES_H
#define EPP_HOST_INSTANCES_H

#include <epp/abi.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EPP_HOST_INSTANCES "epp.host.instances/0"

typedef struct epp_host_instances {
  uint32_t size;
  uint32_t reserved;
  /* The table of extension `id` of the instance `name`, and the instance to call it with. NULL when the caller's
   * parameters do not name it (by a mark in the schema or through epp_type.references), or when it does not serve that
   * extension. Only during create. [main] */
  const void* (*extension)(epp_self* self, epp_str name, epp_str id, const epp_instance** instance);
} epp_host_instances;

#ifdef __cplusplus
}
#endif

#endif
