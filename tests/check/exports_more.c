/* A library without types that lets everybody see more than its entry. */
#include <epp/abi.h>

EPP_EXPORT int helper_of_nobody(void);
int helper_of_nobody(void) {
  return 1;
}

EPP_EXPORT extern const epp_entry epp_plugin_entry;
const epp_entry epp_plugin_entry = {sizeof(epp_entry), EPP_ABI_MAJOR, EPP_ABI_MINOR, 0, NULL, NULL, NULL};
