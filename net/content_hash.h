// Hash of what a message asks, by which a repeat with other content is told from a true repeat.
//
// Threads: pure function.
// Invariants: covers every field that the decision or the record depends on, and nothing of the wire form: white space,
// the order of members and members that are not read do not count.
#pragma once

#include <array>
#include <cstdint>

#include "engine/codec.h"
#include "engine/command.h"
#include "engine/key128.h"

namespace holdfast::net {

inline std::uint64_t content_hash(const engine::KeyHasher& hasher, const engine::Authorize& command) {
  const engine::AuthorizationRequest& request = command.request;
  std::array<std::byte, 64> numbers;
  engine::ByteWriter out(numbers);
  out.u8(static_cast<std::uint8_t>(request.processor));
  out.i64(request.amount);
  out.i64(request.cash_amount);
  out.u16(request.currency.numeric);
  out.u8(request.incremental ? 1 : 0);
  out.u8(request.partial_approval ? 1 : 0);
  out.u16(request.merchant.category);
  out.u16(request.merchant.country.numeric);
  out.u8(static_cast<std::uint8_t>(request.verification.cvc));
  out.u8(static_cast<std::uint8_t>(request.verification.expiry));
  out.u8(static_cast<std::uint8_t>(request.verification.address_line));
  out.u8(static_cast<std::uint8_t>(request.verification.postal_code));
  const std::string_view fixed(reinterpret_cast<const char*>(numbers.data()), out.size());
  return hasher
      .hash({request.authorization_id, request.card_reference, request.merchant.id, request.merchant.name, fixed})
      .lo;
}

}  // namespace holdfast::net
