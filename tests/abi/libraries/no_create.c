/* A type without create. */
#include <epp/abi.h>

static const epp_type kType = {.size = sizeof(epp_type), .name = EPP_STR_INIT("idle")};
static const epp_type* const kTypes[] = {&kType};

EPP_EXPORT extern const epp_entry epp_plugin_entry;
const epp_entry epp_plugin_entry = {sizeof(epp_entry), EPP_ABI_MAJOR, EPP_ABI_MINOR, 1, kTypes, 0, 0};
