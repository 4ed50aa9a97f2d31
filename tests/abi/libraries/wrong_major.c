/* Built for another major of the ABI: nothing behind abi_major may be looked at. */
#include <epp/abi.h>

EPP_EXPORT extern const epp_entry epp_plugin_entry;
const epp_entry epp_plugin_entry = {sizeof(epp_entry), EPP_ABI_MAJOR + 1, 0, 1, (const epp_type* const*)8, 0, 0};
