// Any bytes as a sequence of ProcessingRequests: the stream never crashes and ends at most once.
#include "extproc/wire.h"
#include "unit/lifecycle/world.h"

#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace epp::lifecycle;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto* const world = [] {
    auto* made = new testing::World;
    made->services.options.max_request_body_bytes = 4096;
    made->services.options.max_held_response_bytes = 256;
    return made;
  }();
  testing::Exchange exchange(*world);
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  while (rest.size() >= 2) {
    const std::size_t length = static_cast<std::uint8_t>(rest[0]) * 256u + static_cast<std::uint8_t>(rest[1]);
    const std::string_view wire = rest.substr(2, length);
    rest.remove_prefix(2 + wire.size());
    epp::request::Arena arena;
    Inbound message;
    if (!epp::extproc::decode_request(std::span(&wire, 1), arena, message)) break;
    exchange.stream.on_message(message);
  }
  exchange.stream.on_half_close();
  exchange.stream.on_done(false);
  int ends = 0;
  for (const testing::Sent& entry : exchange.outbox.sent)
    ends += entry.kind == testing::Sent::Kind::kFinish;
  if (ends > 1) std::abort();
  return 0;
}
