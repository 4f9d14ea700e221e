/** @file
 * Named triggers in C++17: run a function on the other side. The RAII face of eshm_rpc.h.
 *
 *     eshm::Rpc robot("demo", eshm::Role::master);
 *     robot.on("halt", [&] { arm.stop(); robot.emit("halted"); });
 *     robot.start();
 *
 *     eshm::Rpc panel("demo", eshm::Role::slave); // another process
 *     panel.call("halt");
 *
 * An exception that leaves a handler ends that handler alone; see Rpc::on_failure(). */
#ifndef ESHM_RPC_HPP
#define ESHM_RPC_HPP

#if __cplusplus < 201703L
#error "eshm_rpc.hpp needs C++17; eshm_rpc.h is for C and older C++"
#endif

#include "eshm_error.hpp"
#include "eshm_options.hpp"
#include "eshm_rpc.h"

#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cxxabi.h>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <typeinfo>
#include <unistd.h>
#include <utility>

namespace eshm {
namespace detail {

/** What is being thrown, in words: the text of a std::exception, with its type. In a catch block. */
inline std::string current_exception_text() {
    std::string type = "an exception of another language";
    // std::current_exception() is null for those, of which there is no type to ask for.
    if (std::current_exception() != nullptr) {
        const char* mangled = abi::__cxa_current_exception_type()->name();
        int status = 0;
        char* plain = abi::__cxa_demangle(mangled, nullptr, nullptr, &status);
        type = plain != nullptr ? plain : mangled;
        std::free(plain);
    }
    try {
        throw;
    } catch (const std::exception& error) {
        return type + ": " + error.what();
    } catch (const std::string& text) {
        return type + ": " + text;
    } catch (const char* text) {
        return type + ": " + (text != nullptr ? text : "null");
    } catch (...) {
        return type;
    }
}

} // namespace detail

/** One end of a trigger channel, "<channel>_ctl", from its construction to close() or its
 * destruction; it can be moved, not copied. A trigger carries a name and nothing else; values go
 * beside it, by an Endpoint or as records. docs/TRIGGERS.md has the rules.
 *
 * Handlers run one after the other on one thread of this object, with no lock held: a handler may
 * call any of these functions, and may destroy the Rpc. Any threads may use one Rpc at once, with
 * these exceptions: close() must be the last call, and an Rpc that is moved, assigned or destroyed
 * must be in nobody else's use. One that was closed or moved from gives errc::not_initialized. */
class Rpc {
public:
    /** What runs when a trigger comes. */
    using Handler = std::function<void()>;
    /** What is told of an exception that left a handler: the name that the handler was registered
     * for, and the exception's type and text. */
    using FailureHandler = std::function<void(std::string_view trigger, std::string_view text)>;

    /** A closed one. */
    Rpc() noexcept = default;

    /** Opens the channel "<channel>_ctl", of which `channel` may have 1 to 245 bytes. A slave waits
     * up to five seconds for its master. Runs no handler before start().
     * @throws Error errc::invalid_param for a name that is none, else errc::shm_attach for a slave
     * and errc::shm_create for others; what() has the reason */
    explicit Rpc(std::string_view channel, Role role = Role::automatic)
        : state_(std::make_shared<State>()) {
        const std::string name = text_of(channel, "open");
        state_->channel = name;
        state_->rpc = eshm_rpc_create(name.c_str(), static_cast<ESHMRole>(role));
        if (state_->rpc == nullptr) {
            const bool is_name = !name.empty() && name.size() <= 245;
            const errc refused = role == Role::slave ? errc::shm_attach : errc::shm_create;
            fail(is_name ? refused : errc::invalid_param, "open");
        }
    }

    /** Takes the other's place, which is closed from then on. */
    Rpc(Rpc&& other) noexcept = default;
    /** Closes this one, and takes the other's place. */
    Rpc& operator=(Rpc&& other) noexcept {
        if (this != &other) {
            close();
            state_ = std::move(other.state_);
        }
        return *this;
    }
    /** Closes it. */
    ~Rpc() { close(); }

    /** Stops it and leaves the channel, once no other handler runs. From one of its handlers it
     * returns at once, and no other handler runs from then on. Once closed it does nothing. */
    void close() noexcept {
        if (!state_) return;
        eshm_rpc_destroy(state_->rpc); // until it returns, a handler that still runs may use this
        state_.reset();
    }

    /** Whether it is open. */
    explicit operator bool() const noexcept { return state_ != nullptr; }

    /** For the C functions; null once closed. It stays this object's. */
    EshmRpc* handle() const noexcept { return state_ ? state_->rpc : nullptr; }

    /** Has `handler` run when the other side calls `name`; an earlier one is replaced, from the
     * next trigger on. At any time, also from a handler.
     * @throws Error errc::invalid_param (no handler, or a name with a NUL), not_initialized */
    void on(std::string_view name, Handler handler) {
        State& state = own_state("on");
        Trigger* trigger = nullptr;
        {
            const std::lock_guard<std::mutex> lock(state.mutex);
            auto known = state.calls.find(std::string(name));
            if (known == state.calls.end()) {
                known = state.calls.emplace(text_of(name, "on"), add(state, name)).first;
            }
            trigger = known->second;
        }
        set(state, *trigger, std::move(handler), "on");
        check(eshm_rpc_on_call(state.rpc, trigger->name.c_str(), run, trigger), "on");
    }

    /** Adds a handler that runs when the other side emits `name`, after those that are there.
     * @throws Error as on() */
    void on_event(std::string_view name, Handler handler) {
        State& state = own_state("on_event");
        Trigger* trigger = nullptr;
        {
            const std::lock_guard<std::mutex> lock(state.mutex);
            text_of(name, "on_event");
            trigger = add(state, name);
        }
        set(state, *trigger, std::move(handler), "on_event");
        check(eshm_rpc_on_event(state.rpc, trigger->name.c_str(), run, trigger), "on_event");
    }

    /** Starts running handlers. The newest trigger that has come before and was not taken runs too.
     * @throws Error errc::shm_attach (there is no thread to be had), not_initialized */
    void start() { check(eshm_rpc_start(open_state("start").rpc), "start"); }

    /** Stops running handlers; start() goes on. On return none runs, but for the one that called
     * this, if one did.
     * @throws Error errc::not_initialized */
    void stop() { check(eshm_rpc_stop(open_state("stop").rpc), "stop"); }

    /** Has the other side run its handler for `name`, and does not wait for that. A newer trigger
     * may take this one's place before it is taken. Needs no start().
     * @throws Error errc::buffer_too_small (the name is too long), timeout, role_mismatch,
     * invalid_param (a name with a NUL), not_initialized; nothing was fired */
    void call(std::string_view name) {
        check(eshm_rpc_call(open_state("call").rpc, text_of(name, "call").c_str()), "call");
    }

    /** Has the other side run all its handlers for the event `name`, if it has any.
     * @throws Error as call() */
    void emit(std::string_view name) {
        check(eshm_rpc_emit(open_state("emit").rpc, text_of(name, "emit").c_str()), "emit");
    }

    /** Triggers of the other side that were replaced by newer ones before they were taken. */
    std::uint64_t missed() const noexcept { return eshm_rpc_missed(handle()); }
    /** Handlers run so far; one that has begun counts. */
    std::uint64_t dispatched() const noexcept { return eshm_rpc_dispatched(handle()); }
    /** Handlers that an exception has left so far. */
    std::uint64_t failures() const noexcept {
        return state_ ? state_->failures.load(std::memory_order_relaxed) : 0; // a count alone
    }

    /** Has `handler` told of each exception that leaves a handler, on the thread of the handlers.
     * Without one, and where it throws itself, a line on stderr says so. The dispatcher goes on in
     * any case. pthread_exit() in a handler and pthread_cancel() are no failures: they end the
     * thread of the handlers, as they end any other.
     * @throws Error errc::not_initialized */
    void on_failure(FailureHandler handler) {
        State& state = own_state("on_failure");
        auto kept = handler ? std::make_shared<FailureHandler>(std::move(handler)) : nullptr;
        const std::lock_guard<std::mutex> lock(state.mutex);
        state.failure_handler.swap(kept);
    }

private:
    struct State;

    struct Trigger {
        State* state;
        std::string name;
        std::shared_ptr<Handler> handler; // under the mutex; a copy of it runs
    };

    // Lives on while a handler runs that has destroyed its Rpc.
    struct State : std::enable_shared_from_this<State> {
        EshmRpc* rpc = nullptr;
        const pid_t process = getpid();
        std::string channel;
        std::atomic<std::uint64_t> failures{0};
        std::mutex mutex; // of what follows; held for no call of a handler
        std::deque<Trigger> triggers;
        std::map<std::string, Trigger*> calls;
        std::shared_ptr<FailureHandler> failure_handler;
    };

    // The library calls this, on the dispatcher's thread. Not noexcept: the end of the thread
    // unwinds through it.
    static void run(void* user) {
        Trigger& trigger = *static_cast<Trigger*>(user);
        const std::shared_ptr<State> state = trigger.state->shared_from_this();
        std::shared_ptr<Handler> handler;
        {
            const std::lock_guard<std::mutex> lock(state->mutex);
            handler = trigger.handler;
        }
        try {
            (*handler)();
#ifdef __GLIBCXX__
        } catch (abi::__forced_unwind&) { // pthread_exit, pthread_cancel: must not be swallowed
            throw;
#endif
        } catch (...) {
            state->failures.fetch_add(1, std::memory_order_relaxed); // a count alone
            report(*state, trigger.name);
        }
    }

    // In a catch block.
    static void report(State& state, const std::string& trigger) {
        std::string text = "an exception, and no memory left to say which";
        try {
            text = detail::current_exception_text();
            std::shared_ptr<FailureHandler> tell;
            {
                const std::lock_guard<std::mutex> lock(state.mutex);
                tell = state.failure_handler;
            }
            if (tell) return (*tell)(trigger, text);
#ifdef __GLIBCXX__
        } catch (abi::__forced_unwind&) {
            throw;
#endif
        } catch (...) {
        }
        for (char& each : text) {
            if (static_cast<unsigned char>(each) < ' ') each = ' '; // one line
        }
        std::fprintf(stderr, "eshm: %s: the handler of '%s' threw %s\n", state.channel.c_str(),
                     trigger.c_str(), text.c_str());
    }

    // Under the mutex.
    static Trigger* add(State& state, std::string_view name) {
        return &state.triggers.emplace_back(Trigger{&state, std::string(name), nullptr});
    }

    static void set(State& state, Trigger& trigger, Handler handler, const char* tried) {
        if (!handler) fail(errc::invalid_param, tried, "there is no handler");
        auto kept = std::make_shared<Handler>(std::move(handler));
        const std::lock_guard<std::mutex> lock(state.mutex);
        trigger.handler.swap(kept);
    }

    static std::string text_of(std::string_view name, const char* tried) {
        if (name.find('\0') != std::string_view::npos) {
            fail(errc::invalid_param, tried, "the name has a NUL in it");
        }
        return std::string(name);
    }

    State& open_state(const char* tried) const {
        if (!state_) throw Error(errc::not_initialized, tried);
        return *state_;
    }

    // Of this process: in a forked child the mutex may be one that a thread of the parent held.
    State& own_state(const char* tried) const {
        State& state = open_state(tried);
        if (state.process != getpid()) check(eshm_rpc_stop(state.rpc), tried); // does no more than say why
        return state;
    }

    static void check(int result, const char* tried) {
        if (result < 0) fail(static_cast<errc>(result), tried);
    }

    [[noreturn]] static void fail(errc code, const char* tried) {
        fail(code, tried, eshm_rpc_get_last_error());
    }

    [[noreturn]] static void fail(errc code, const char* tried, const std::string& why) {
        throw Error(code, detail::reason(code, tried, why));
    }

    std::shared_ptr<State> state_;
};

} // namespace eshm

#endif // ESHM_RPC_HPP
