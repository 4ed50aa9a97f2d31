// The host's tables with a Watch in between.
#pragma once

#include <epp/abi.h>
#include <epp/host/services.h>

namespace epp::check {

// `real` is the same host at every call.
const epp_host& watching_host(const epp_host& real);
// The table behind it. Not before the first watching_host().
const epp_host_clock& real_clock();

}  // namespace epp::check
