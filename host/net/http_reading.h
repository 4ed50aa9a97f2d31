// Internal to net/*.cpp: what all who read responses share.
#pragma once

#include "net/http_message.h"

#include <cstdint>

#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/fields.hpp>

namespace epp::net {

inline constexpr std::uint32_t kMaxHeaderBytes = 64u << 10;
// Beast fills what the buffer has room for, else it reads by 512 bytes: a metrics page would be a hundred calls.
inline constexpr std::size_t kReadBytes = 64u << 10;

// Interim responses that may come before the final one.
inline constexpr unsigned kMaxInterim = 8;
// Another response follows. Not so 101: what follows that is another protocol, which nobody here asks for.
[[nodiscard]] inline bool is_interim(unsigned status) {
  return status / 100 == 1 && status != 101;
}

// Whether the connection of a response that was read whole can be used again. The parser knows more than the headers
// do: a body of no known length ends with the connection.
template <class Parser>
[[nodiscard]] bool can_go_on(const Parser& parser, const boost::beast::flat_buffer& unread) {
  return parser.keep_alive() && parser.get().result_int() != 101 && unread.size() == 0;
}

// Empty, with room for kReadBytes. Thousands of idle connections need none: each thread keeps a few that are not in
// use.
boost::beast::flat_buffer take_read_buffer();
void give_read_buffer(boost::beast::flat_buffer buffer);

void take_head(HttpResponse& to, const boost::beast::http::fields& fields, unsigned status);

}  // namespace epp::net
