// A restored response does not depend on where it is cut, and without the target in it nothing changes.
#include "fuzz/request/fuzz_input.h"
#include "request/model_name.h"

#include <string>

namespace epp::request {
namespace {

std::string restore(ModelRestorer restorer, const std::vector<std::string_view>& chunks) {
  std::string text;
  for (std::string_view chunk : chunks) {
    const std::string gone_after_the_call(chunk);
    for (std::string_view slice : restorer.feed(gone_after_the_call))
      text += slice;
  }
  for (std::string_view slice : restorer.finish())
    text += slice;
  return text;
}

void check(std::string_view target, std::string_view incoming, std::uint8_t seed, std::string_view response) {
  const ModelRestorer restorer(target, incoming);
  const std::string whole = restore(restorer, {response});
  require(restore(restorer, chunks_of(response, seed)) == whole);
  if (response.find("\"model\":") == std::string_view::npos) require(whole == response);

  std::string at_once;
  ModelRestorer again(target, incoming);
  for (std::string_view slice : again.restore_all(response))
    at_once += slice;
  if (whole == response) require(at_once == response);
}

}  // namespace
}  // namespace epp::request

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  epp::request::FuzzInput input(data, size);
  const std::uint8_t seed = input.byte();
  const std::string_view target = input.text(input.byte() % 8);
  const std::string_view incoming = input.text(input.byte() % 8);
  epp::request::check(target, incoming, seed, input.rest());
  return 0;
}
