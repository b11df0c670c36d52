#include "engine/record.h"

#include "engine/codec.h"
#include "engine/node_codec.h"
#include "engine/node_table.h"

namespace holdfast::engine {
namespace {

enum RequestFlag : std::uint8_t { kIncremental = 1, kPartialApproval = 2 };
enum VerdictFlag : std::uint8_t { kLifetimeLimit = 4, kDetails = 8, kTripped = 16 };

std::uint8_t pack(const Verification& checks) {
  return static_cast<std::uint8_t>(static_cast<unsigned>(checks.cvc) | static_cast<unsigned>(checks.expiry) << 2 |
                                   static_cast<unsigned>(checks.address_line) << 4 |
                                   static_cast<unsigned>(checks.postal_code) << 6);
}

Verification unpack_checks(std::uint8_t bits) {
  const auto check = [all = unsigned{bits}](unsigned shift) { return static_cast<Check>((all >> shift) & 3U); };
  return {check(0), check(2), check(4), check(6)};
}

class RecordWriter {
 public:
  RecordWriter(ByteWriter& out, Instant now) : out_(out), now_(now) {}

  void operator()(const CreateNode& command) {
    out_.u32(command.node);
    write(out_, command.identity);
    write(out_, command.settings);
  }
  void operator()(const ChangeNode& command) {
    out_.u32(command.node);
    write(out_, command.settings);
  }
  void operator()(const SetNodeStatus& command) {
    out_.u32(command.node);
    out_.u8(static_cast<std::uint8_t>(command.status));
  }
  void operator()(const Authorize& command) {
    const AuthorizationRequest& request = command.request;
    out_.u32(command.card);
    if (command.card == kNoNode) out_.text8(request.card_reference);
    out_.u8(static_cast<std::uint8_t>(request.processor));
    out_.text8(request.authorization_id);
    std::uint8_t flags = 0;
    if (request.incremental) flags |= kIncremental;
    if (request.partial_approval) flags |= kPartialApproval;
    out_.u8(flags);
    out_.varint(request.amount);
    out_.varint(request.cash_amount);
    out_.u16(request.currency.numeric);
    write_merchant(request.merchant);
    out_.u8(pack(request.verification));
  }
  void operator()(const Withdraw& command) {
    out_.u32(command.card);
    out_.u8(static_cast<std::uint8_t>(command.processor));
    out_.text8(command.authorization_id);
    out_.varint(command.amount);
    difference(command.charged_at);
    difference(command.authorized_at);
  }
  void operator()(const NoteEvent& command) {
    out_.text8(command.type);
    out_.text8(command.object);
  }
  void operator()(const DefineZone& command) { write(out_, command.rules); }
  void operator()(const AddKey& command) {
    write(out_, command.id);
    out_.u8(command.role);
    out_.text8(command.label);
    out_.raw(command.digest.data(), command.digest.size());
    out_.u32(command.node);
  }
  void operator()(const RemoveKey& command) { write(out_, command.id); }
  void operator()(const Advise& command) {
    out_.u32(command.card);
    out_.u8(static_cast<std::uint8_t>(command.kind));
    out_.u8(static_cast<std::uint8_t>(command.processor));
    out_.text8(command.authorization_id);
    write(out_, command.authorization);
    out_.varint(command.amount);
    out_.u8(command.final ? 1 : 0);
    out_.i64(to_millis(command.told));
    write_merchant(command.merchant);
  }

  void operator()(std::monostate) {}
  void operator()(const NodeOutcome& outcome) { out_.u32(outcome.version); }
  void operator()(const Decision& decision) {
    const bool details = decision.declined_by != DeclinedBy{} || decision.retry_after != kNoInstant;
    out_.u8(static_cast<std::uint8_t>(decision.reason));
    auto verdict = static_cast<std::uint8_t>(decision.retryable);
    if (decision.lifetime_limit) verdict |= kLifetimeLimit;
    if (details) verdict |= kDetails;
    if (decision.tripped) verdict |= kTripped;
    out_.u8(verdict);
    out_.varint(decision.approved_amount);
    out_.varint(decision.would_approve);
    out_.varint(decision.held);
    difference(decision.decided_at);
    difference(decision.authorized_at);
    if (!details) return;
    out_.u32(decision.declined_by.node);
    out_.u8(static_cast<std::uint8_t>(decision.declined_by.limit));
    out_.i64(to_millis(decision.retry_after));
  }
  void operator()(const WithdrawOutcome& outcome) {
    out_.varint(outcome.released);
    difference(outcome.decided_at);
  }

  void operator()(const AdviceOutcome& outcome) {
    out_.u8(static_cast<std::uint8_t>(outcome.status));
    out_.u8(outcome.flags);
    for (const Minor amount : {outcome.released, outcome.posted, outcome.held, outcome.captured, outcome.refunded})
      out_.varint(amount);
    difference(outcome.decided_at);
    difference(outcome.authorized_at);
  }

 private:
  void write_merchant(const Merchant& merchant) {
    out_.text8(merchant.id);
    out_.text8(merchant.name);
    out_.u16(merchant.category);
    out_.u16(merchant.country.numeric);
  }
  void difference(Instant instant) { out_.varint((instant - now_).count()); }

  ByteWriter& out_;
  Instant now_;
};

class RecordReader {
 public:
  RecordReader(ByteReader& in, Instant now) : in_(in), now_(now) {}

  void read(CreateNode& command, NodeOutcome& outcome) {
    command.node = in_.u32();
    command.identity = read_identity(in_);
    command.settings = read_settings(in_);
    outcome.version = in_.u32();
  }
  void read(ChangeNode& command, NodeOutcome& outcome) {
    command.node = in_.u32();
    command.settings = read_settings(in_);
    outcome.version = in_.u32();
  }
  void read(SetNodeStatus& command, NodeOutcome& outcome) {
    command.node = in_.u32();
    const std::uint8_t status = in_.u8();
    if (status > static_cast<std::uint8_t>(NodeStatus::closed)) in_.fail();
    command.status = static_cast<NodeStatus>(status);
    outcome.version = in_.u32();
  }
  void read(Authorize& command, Decision& decision) {
    AuthorizationRequest& request = command.request;
    command.card = in_.u32();
    if (command.card == kNoNode) request.card_reference = in_.text8();
    request.processor = static_cast<Processor>(in_.u8());
    request.authorization_id = in_.text8();
    const std::uint8_t flags = in_.u8();
    request.incremental = (flags & kIncremental) != 0;
    request.partial_approval = (flags & kPartialApproval) != 0;
    request.amount = in_.varint();
    request.cash_amount = in_.varint();
    request.currency.numeric = in_.u16();
    read_merchant(request.merchant);
    request.verification = unpack_checks(in_.u8());
    read_decision(decision);
  }
  void read(Withdraw& command, WithdrawOutcome& outcome) {
    command.card = in_.u32();
    command.processor = static_cast<Processor>(in_.u8());
    command.authorization_id = in_.text8();
    command.amount = in_.varint();
    command.charged_at = difference();
    command.authorized_at = difference();
    outcome.released = in_.varint();
    outcome.decided_at = difference();
  }
  void read(NoteEvent& command, std::monostate&) {
    command.type = in_.text8();
    command.object = in_.text8();
  }
  void read(DefineZone& command, std::monostate&) { command.rules = read_zone(in_); }
  void read(AddKey& command, std::monostate&) {
    command.id = read_key(in_);
    command.role = in_.u8();
    command.label = in_.text8();
    in_.raw(command.digest.data(), command.digest.size());
    command.node = in_.u32();
    if (!may_be_bound_to(command.node)) in_.fail();
  }
  void read(RemoveKey& command, std::monostate&) { command.id = read_key(in_); }
  void read(Advise& command, AdviceOutcome& outcome) {
    command.card = in_.u32();
    const std::uint8_t kind = in_.u8();
    if (kind >= kAdviceKinds) in_.fail();
    command.kind = static_cast<AdviceKind>(kind);
    command.processor = static_cast<Processor>(in_.u8());
    command.authorization_id = in_.text8();
    command.authorization = read_key(in_);
    command.amount = in_.varint();
    command.final = in_.u8() != 0;
    command.told = from_millis(in_.i64());
    read_merchant(command.merchant);
    const std::uint8_t status = in_.u8();
    if (status > static_cast<std::uint8_t>(AuthorizationStatus::declined)) in_.fail();
    outcome.status = static_cast<AuthorizationStatus>(status);
    outcome.flags = in_.u8();
    for (Minor* amount : {&outcome.released, &outcome.posted, &outcome.held, &outcome.captured, &outcome.refunded})
      *amount = in_.varint();
    outcome.decided_at = difference();
    outcome.authorized_at = difference();
  }

 private:
  void read_merchant(Merchant& merchant) {
    merchant.id = in_.text8();
    merchant.name = in_.text8();
    merchant.category = in_.u16();
    merchant.country.numeric = in_.u16();
  }
  void read_decision(Decision& decision) {
    const std::uint8_t reason = in_.u8();
    if (reason >= kReasons) in_.fail();
    decision.reason = static_cast<Reason>(reason);
    const std::uint8_t verdict = in_.u8();
    decision.retryable = static_cast<Retryable>(verdict & 3U);
    decision.lifetime_limit = (verdict & kLifetimeLimit) != 0;
    decision.tripped = (verdict & kTripped) != 0;
    decision.approved_amount = in_.varint();
    decision.would_approve = in_.varint();
    decision.held = in_.varint();
    decision.decided_at = difference();
    decision.authorized_at = difference();
    if ((verdict & kDetails) == 0) return;
    decision.declined_by.node = in_.u32();
    decision.declined_by.limit = static_cast<std::int8_t>(in_.u8());
    decision.retry_after = from_millis(in_.i64());
  }
  // Wraps instead of overflowing: damaged bytes must not be undefined behaviour.
  Instant difference() {
    return from_millis(static_cast<std::int64_t>(static_cast<std::uint64_t>(to_millis(now_)) +
                                                 static_cast<std::uint64_t>(in_.varint())));
  }

  ByteReader& in_;
  Instant now_;
};

template <class CommandType, class OutcomeType>
void read_into(Record& record, ByteReader& in) {
  CommandType command;
  OutcomeType outcome{};
  RecordReader(in, record.now).read(command, outcome);
  record.command = std::move(command);
  record.outcome = outcome;
}

void read_command(Record& record, std::uint8_t type, ByteReader& in) {
  switch (type) {
    case CreateNode::kType:
      return read_into<CreateNode, NodeOutcome>(record, in);
    case ChangeNode::kType:
      return read_into<ChangeNode, NodeOutcome>(record, in);
    case SetNodeStatus::kType:
      return read_into<SetNodeStatus, NodeOutcome>(record, in);
    case Authorize::kType:
      return read_into<Authorize, Decision>(record, in);
    case Withdraw::kType:
      return read_into<Withdraw, WithdrawOutcome>(record, in);
    case NoteEvent::kType:
      return read_into<NoteEvent, std::monostate>(record, in);
    case DefineZone::kType:
      return read_into<DefineZone, std::monostate>(record, in);
    case AddKey::kType:
      return read_into<AddKey, std::monostate>(record, in);
    case RemoveKey::kType:
      return read_into<RemoveKey, std::monostate>(record, in);
    case Advise::kType:
      return read_into<Advise, AdviceOutcome>(record, in);
    default:
      in.fail();
  }
}

}  // namespace

std::span<const std::byte> encode(const Record& record, std::span<std::byte> buffer) {
  ByteWriter out(buffer);
  out.u8(std::visit([](const auto& command) { return command.kType; }, record.command));
  out.i64(to_millis(record.now));
  out.text8(record.message.id);
  if (record.message.present()) {
    out.text8(record.message.endpoint);
    out.u64(record.message.content);
    out.text32(record.answer);
  }
  RecordWriter writer(out, record.now);
  std::visit(writer, record.command);
  std::visit(writer, record.outcome);
  return out.ok() ? out.written() : std::span<const std::byte>{};
}

std::optional<Record> decode(std::span<const std::byte> bytes) {
  ByteReader in(bytes);
  Record record;
  const std::uint8_t type = in.u8();
  record.now = from_millis(in.i64());
  record.message.id = in.text8();
  if (record.message.present()) {
    record.message.endpoint = in.text8();
    record.message.content = in.u64();
    record.answer = in.text32();
  }
  read_command(record, type, in);
  if (!in.finished()) return std::nullopt;
  return record;
}

}  // namespace holdfast::engine
