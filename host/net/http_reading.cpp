#include "net/http_reading.h"

#include <utility>
#include <vector>

namespace epp::net {
namespace {

constexpr std::size_t kSpareBuffers = 32;
thread_local std::vector<boost::beast::flat_buffer> spare_buffers;

}  // namespace

boost::beast::flat_buffer take_read_buffer() {
  boost::beast::flat_buffer buffer;
  if (!spare_buffers.empty()) {
    buffer = std::move(spare_buffers.back());
    spare_buffers.pop_back();
  }
  buffer.reserve(kReadBytes);
  return buffer;
}

void give_read_buffer(boost::beast::flat_buffer buffer) {
  if (buffer.size() == 0 && buffer.capacity() == kReadBytes && spare_buffers.size() < kSpareBuffers)
    spare_buffers.push_back(std::move(buffer));
}

void take_head(HttpResponse& to, const boost::beast::http::fields& fields, unsigned status) {
  to.status = status;
  to.headers = {};
  for (const auto& field : fields)
    to.headers.add(std::string(field.name_string()), std::string(field.value()));
}

}  // namespace epp::net
