#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace epp::request {

/// Largest body piece in one ext-proc message, both directions (Envoy's limit for full-duplex streamed bodies).
inline constexpr std::size_t kMaxBodyChunk = 62000;

/// Cuts a body, given as slices, into messages of at most `limit` bytes without copying. An empty body is one empty
/// message; a body of n > 0 bytes is ceil(n / limit) messages, all but the last one full.
///
///   for (BodyChunks chunks(slices); chunks.next();) send(chunks.pieces(), end_of_stream && chunks.last());
class BodyChunks {
 public:
  /// `slices` and what they point to must outlive this object.
  explicit BodyChunks(std::span<const std::string_view> slices, std::size_t limit = kMaxBodyChunk)
      : slices_(slices), limit_(limit) {
    for (std::string_view slice : slices)
      left_ += slice.size();
  }

  /// Moves to the next message; false when there is none.
  bool next() {
    if (started_ && left_ == 0) return false;
    started_ = true;
    pieces_.clear();
    std::size_t room = limit_;
    while (room > 0 && left_ > 0) {
      const std::string_view rest = slices_.front().substr(offset_);
      const std::string_view piece = rest.substr(0, room);
      if (!piece.empty()) pieces_.push_back(piece);
      room -= piece.size();
      left_ -= piece.size();
      offset_ += piece.size();
      if (piece.size() == rest.size()) {
        slices_ = slices_.subspan(1);
        offset_ = 0;
      }
    }
    return true;
  }

  /// The current message, to be concatenated; empty for an empty body. Valid until the next call of next().
  std::span<const std::string_view> pieces() const { return pieces_; }

  /// True on the message that ends the body.
  bool last() const { return left_ == 0; }

 private:
  std::span<const std::string_view> slices_;
  std::size_t limit_;
  std::size_t offset_ = 0;  // in slices_.front()
  std::size_t left_ = 0;
  bool started_ = false;
  std::vector<std::string_view> pieces_;
};

}  // namespace epp::request
