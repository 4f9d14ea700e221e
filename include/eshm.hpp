/** @file
 * The C++17 face of libeshm: two Linux processes exchange their newest values over POSIX shared memory.
 *
 *     struct Pose { double x, y, heading; };
 *
 *     eshm::Endpoint robot("robot");                       // the first process is the master, the second the slave
 *     robot.write(Pose{1.0, 2.0, 0.5});                    // throws eshm::Error
 *     if (std::optional<Pose> pose = robot.read<Pose>(100ms)) ...
 *     for (const Pose& pose : robot.values<Pose>()) ...    // until the other side is gone
 *
 * Headers alone, over the C functions of eshm.h, which says more of what each does; link with the library (-leshm). Every
 * call that can fail throws eshm::Error, or stores the reason in a std::error_code where it is given one. No macro is defined
 * but include guards. */
#ifndef ESHM_HPP
#define ESHM_HPP

#if __cplusplus < 201703L
#error "eshm.hpp needs C++17; eshm.h is for C and older C++"
#endif

#include "eshm_bytes.hpp"
#include "eshm_error.hpp"
#include "eshm_options.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

namespace eshm {

template <class T>
class Values;

/** One end of a channel, from its construction to close() or its destruction; it can be moved, not copied.
 *
 * Any threads may call any functions of one Endpoint at once, with these exceptions: close() must be the last call, and wakes
 * a read that waits; an Endpoint that is moved, assigned or destroyed must be in nobody else's use. One that was closed or
 * moved from gives errc::not_initialized, and so does every call in a child made by fork(), which opens Endpoints of its own.
 *
 * What waits is a cancellation point, as eshm.h says: pthread_cancel() unwinds it, so it is not noexcept, also with a code. */
class Endpoint {
public:
    /** A closed one. */
    Endpoint() noexcept = default;

    /** Opens an end of the channel `name`, with the default settings.
     * @throws Error as open() */
    explicit Endpoint(std::string_view name, Role role = Role::automatic)
        : Endpoint(Options(std::string(name)).role(role)) {}

    /** Opens an end of a channel.
     * @throws Error as open() */
    explicit Endpoint(const Options& options) {
        std::error_code code;
        *this = open(options, code);
        detail::throw_if(code, "open", is_name(options.name()));
    }

    /** Opens an end of a channel; a closed one, with the reason in `code`, if that fails: errc::invalid_param for a name that
     * is none (see Options) and a capacity or mode out of range, else errc::shm_attach for a slave and errc::shm_create for
     * others. But for a name, eshm_last_error() says more. */
    static Endpoint open(const Options& options, std::error_code& code) {
        Endpoint opened;
        const std::string& name = options.name();
        code.clear();
        if (!is_name(name)) {
            code = errc::invalid_param;
            return opened;
        }
        const ESHMConfig config = options.config();
        opened.handle_ = eshm_init_ex(&config, &options.more());
        if (!opened) {
            const errc refused = config.role == ESHM_ROLE_SLAVE ? errc::shm_attach : errc::shm_create;
            code = options.in_range() ? refused : errc::invalid_param;
        }
        return opened;
    }

    /** Takes the other's place, which is closed from then on. */
    Endpoint(Endpoint&& other) noexcept : handle_(other.handle_.exchange(nullptr)) {}
    /** Closes this one, and takes the other's place. */
    Endpoint& operator=(Endpoint&& other) noexcept {
        if (this != &other) {
            close();
            handle_ = other.handle_.exchange(nullptr);
        }
        return *this;
    }

    /** Closes it. */
    ~Endpoint() { close(); }

    /** Leaves the channel; the peer notices at once. Once closed it does nothing. */
    void close() noexcept {
        if (ESHMHandle* handle = handle_.exchange(nullptr)) eshm_destroy(handle);
    }

    /** Whether it is open. */
    explicit operator bool() const noexcept { return handle() != nullptr; }

    /** Bytes of the largest message; 0 once closed. */
    std::size_t capacity() const noexcept { return eshm_capacity(handle()); }

    /** Whether it is a slave that looks for its master no longer; final. A read without limit then ends by itself: a loop of
     * shorter ones asks before each, and ends if that finds nothing. */
    bool has_given_up() const noexcept { return eshm_has_given_up(handle()); }

    /** For the C functions; null once closed. It stays this object's. */
    ESHMHandle* handle() const noexcept { return handle_.load(std::memory_order_relaxed); } // pairs with nothing: see above

    /** Publishes a message, in the place of the one before it, and never waits for a reader. What has data() and size(), as
     * std::string, std::vector or std::span, is sent as the elements it has now; a `const char*` or an array of char as the
     * text up to its NUL and without it (see bytes_view::with_nul()); every other T, which must be trivially copyable, as its
     * bytes.
     * @throws Error errc::buffer_too_small, timeout (a slave without master), role_mismatch, not_initialized */
    template <class T>
    void write(const T& message) {
        std::error_code code;
        write(message, code);
        detail::throw_if(code, "write", bool(*this));
    }

    /** Likewise, with the failure in `code`. */
    template <class T>
    void write(const T& message, std::error_code& code) noexcept {
        static constexpr std::byte nothing{};
        const bytes_view bytes = detail::bytes_of(message);
        code = result(handle(), eshm_write, bytes.empty() ? &nothing : bytes.data(), bytes.size());
    }

    /** The newest message not read yet, waited for up to `timeout`; std::nullopt if there is none. As a Message of any size,
     * or as the T that was written. A message of another size than T is an error: a larger one stays readable, a smaller one
     * is taken. That the bytes are a T is up to the peer. How large a Message is, too: one that memory does not suffice for is an
     * error that says its size, and stays readable.
     * @throws Error errc::wrong_size, master_stale, not_initialized; std::errc::not_enough_memory */
    template <class T = Message>
    std::optional<T> read(Timeout timeout = std::chrono::seconds(1)) {
        std::error_code code;
        std::optional<T> value = read<T>(timeout, code);
        detail::throw_if(code, "read", bool(*this));
        return value;
    }

    /** Likewise, with the failure in `code`, which is no error where there is just no message. */
    template <class T = Message>
    std::optional<T> read(Timeout timeout, std::error_code& code) {
        if constexpr (std::is_same_v<T, Message>) {
            return read_message(timeout, code);
        } else {
            detail::check_read<T>();
            std::optional<T> value(std::in_place);
            std::size_t size = 0;
            const bool taken = receive(bytes_span(&*value, sizeof(T)), size, timeout, code);
            if (code == errc::buffer_too_small || (taken && size != sizeof(T))) code = errc::wrong_size;
            if (!taken || code) value.reset();
            return value;
        }
    }

    /** The newest message not read yet, without waiting: read<T>() with a timeout of zero.
     * @throws Error as read() */
    template <class T = Message>
    std::optional<T> try_read() {
        return read<T>(Timeout(std::chrono::milliseconds(0)));
    }

    /** Likewise, with the failure in `code`. */
    template <class T = Message>
    std::optional<T> try_read(std::error_code& code) {
        return read<T>(Timeout(std::chrono::milliseconds(0)), code);
    }

    /** Reads into memory of the caller's: a view of the message in it, or std::nullopt as read().
     * @throws Error errc::buffer_too_small (the message stays readable), master_stale, not_initialized */
    std::optional<bytes_view> read_into(bytes_span memory, Timeout timeout = std::chrono::seconds(1)) {
        std::error_code code;
        const std::optional<bytes_view> message = read_into(memory, timeout, code);
        detail::throw_if(code, "read", bool(*this));
        return message;
    }

    /** Likewise, with the failure in `code`. */
    std::optional<bytes_view> read_into(bytes_span memory, Timeout timeout, std::error_code& code) {
        std::size_t size = 0;
        if (!receive(memory, size, timeout, code)) return std::nullopt;
        return bytes_view(memory.data(), size);
    }

    /** The messages to come, for a range-based for loop: each is read as by read<T>(). It ends when the peer is gone, once
     * what that wrote last was read, and when `patience` passes without a message; a peer that is not there yet is waited
     * for. See Values. */
    template <class T = Message>
    Values<T> values(Timeout patience = forever) noexcept;

    /** Whether the peer lives, by eshm_check_remote_alive(): one that never came counts as alive for the stale threshold.
     * @throws Error errc::not_initialized */
    bool remote_alive() const {
        bool alive = false;
        detail::throw_if(result(handle(), eshm_check_remote_alive, &alive), "remote_alive", bool(*this));
        return alive;
    }

    /** Heartbeats, pids, flags and message counts.
     * @throws Error errc::not_initialized, also while a slave is without master */
    ESHMStats stats() const {
        std::error_code code;
        const ESHMStats stats = this->stats(code);
        detail::throw_if(code, "stats", bool(*this));
        return stats;
    }

    /** Likewise; all zero, with the failure in `code`, while a slave is without master. */
    ESHMStats stats(std::error_code& code) const noexcept {
        ESHMStats stats{};
        code = result(handle(), eshm_get_stats, &stats);
        return stats;
    }

    /** Which end it is: master or slave, whatever was asked for.
     * @throws Error errc::not_initialized */
    Role role() const {
        ESHMRole role{};
        detail::throw_if(result(handle(), eshm_get_role, &role), "role", bool(*this));
        return static_cast<Role>(role);
    }

    /** Adds a heartbeat now, and looks after the peer: for Options::use_threads(false).
     * @throws Error errc::role_mismatch, not_initialized */
    void update_heartbeat() { detail::throw_if(result(handle(), eshm_update_heartbeat), "update_heartbeat", bool(*this)); }

    /** How reads wait from now on.
     * @throws Error errc::not_initialized */
    void set_wakeup(Wakeup mode) {
        detail::throw_if(result(handle(), eshm_set_wakeup_mode, static_cast<ESHMWakeupMode>(mode)), "set_wakeup", bool(*this));
    }

    /** How reads wait.
     * @throws Error errc::not_initialized */
    Wakeup wakeup() const {
        ESHMWakeupMode mode{};
        detail::throw_if(result(handle(), eshm_get_wakeup_mode, &mode), "wakeup", bool(*this));
        return static_cast<Wakeup>(mode);
    }

    /** How long a read spins before it parks, from now on.
     * @throws Error errc::not_initialized */
    void set_spin(Spin time) { detail::throw_if(result(handle(), eshm_set_spin_us, detail::spin_us(time)), "set_spin", bool(*this)); }

    /** A descriptor for poll(), epoll and event loops: readable while there is a message to read, or a change that
     * remote_alive() tells of and takes; eshm_get_event_fd() has an example. It stays this object's, is for polling alone, and
     * is closed by close(): take it out of poll sets before that.
     * @throws Error errc::invalid_param if there is none: with Options::use_threads(false), or none left in the system, as
     * eshm_last_error() says; not_initialized */
    int event_fd() {
        std::error_code code;
        const int descriptor = event_fd(code);
        detail::throw_if(code, "event_fd", bool(*this));
        return descriptor;
    }

    /** Likewise; -1, with the failure in `code`. */
    int event_fd(std::error_code& code) noexcept {
        ESHMRole role{};
        code = result(handle(), eshm_get_role, &role); // closed, or inherited by fork()
        const int descriptor = code ? -1 : eshm_get_event_fd(handle());
        if (!code && descriptor < 0) code = errc::invalid_param;
        return descriptor;
    }

private:
    static bool is_name(const std::string& name) noexcept {
        return !name.empty() && name.size() <= 249 && name.find('\0') == std::string::npos;
    }

    /** What a C function says, of an open handle. */
    template <class Function, class... Arguments>
    static std::error_code result(ESHMHandle* handle, Function* function, Arguments... arguments) {
        return handle == nullptr ? make_error_code(errc::not_initialized) : detail::code_of(function(handle, arguments...));
    }

    /** Whether a message was read, of `size` bytes; that there is none is no error. */
    bool receive(bytes_span into, std::size_t& size, Timeout timeout, std::error_code& code) {
        std::byte none{};
        void* memory = into.size() == 0 ? &none : into.data();
        code = result(handle(), eshm_read_ex, memory, into.size(), &size, timeout.milliseconds());
        if (!code) return true;
        if (code == errc::no_data || code == errc::timeout) code.clear();
        return false;
    }

    std::optional<Message> read_message(Timeout timeout, std::error_code& code) {
        std::byte few[1024];
        std::size_t size = 0;
        if (receive(few, size, timeout, code)) return Message(std::vector<std::byte>(few, few + size));
        std::vector<std::byte> many; // a larger one stays readable, unless a yet larger one takes its place
        while (code == errc::buffer_too_small) {
            try {
                many.resize(size);
            } catch (const std::bad_alloc&) {
                code = std::make_error_code(std::errc::not_enough_memory);
                break;
            }
            if (receive(many, size, timeout, code)) {
                many.resize(size);
                return Message(std::move(many));
            }
        }
        return std::nullopt;
    }

    std::atomic<ESHMHandle*> handle_{nullptr}; // close() may come while a read waits
};

} // namespace eshm

#include "eshm_values.hpp"

#endif // ESHM_HPP
