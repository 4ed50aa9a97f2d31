/* Needs a symbol that nobody has. */
#include <epp/abi.h>

int epp_symbol_that_nobody_has(void);

static epp_status init(const epp_host* host, epp_error* error) {
  (void)host;
  (void)error;
  return epp_symbol_that_nobody_has();
}

EPP_EXPORT extern const epp_entry epp_plugin_entry;
const epp_entry epp_plugin_entry = {sizeof(epp_entry), EPP_ABI_MAJOR, EPP_ABI_MINOR, 0, 0, init, 0};
