// The decoder reads any bytes without harm, the same wherever they are cut, and sees in a message what the generated
// classes see. (It accepts more than they do: invalid UTF-8, say.)
#include "envoy/service/ext_proc/v3/external_processor.pb.h"
#include "extproc/wire.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace {

using epp::lifecycle::Inbound;

std::string summary(const Inbound& message) {
  std::string text = std::to_string(static_cast<int>(message.kind)) + (message.end_of_stream ? "E" : "");
  for (const auto& [key, value] : message.headers)
    text += std::string(key) + "\0" + std::string(value) + "\n";
  for (std::string_view piece : message.body)
    text += piece;
  return text;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::size_t step = 1 + data[0] % 16;
  const std::string_view wire(reinterpret_cast<const char*>(data + 1), size - 1);
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0; at < wire.size(); at += step)
    pieces.push_back(wire.substr(at, step));
  epp::request::Arena arena;
  Inbound whole;
  Inbound cut;
  const bool ok = epp::extproc::decode_request(std::span(&wire, 1), arena, whole);
  require(ok == epp::extproc::decode_request(pieces, arena, cut));
  if (!ok) return 0;
  require(summary(whole) == summary(cut));

  envoy::service::ext_proc::v3::ProcessingRequest theirs;
  if (!theirs.ParseFromArray(wire.data(), static_cast<int>(wire.size()))) return 0;
  require((theirs.has_request_body() || theirs.has_response_body()) ==
          (whole.kind == Inbound::Kind::kRequestBody || whole.kind == Inbound::Kind::kResponseBody));
  const auto size_of = [](const auto& headers) { return static_cast<std::size_t>(headers.headers().headers_size()); };
  if (theirs.has_request_headers()) require(size_of(theirs.request_headers()) == whole.headers.size());
  if (theirs.has_request_body()) require(theirs.request_body().body().size() == whole.body_size());
  return 0;
}
