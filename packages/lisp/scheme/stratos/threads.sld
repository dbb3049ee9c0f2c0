;; Green threads, mutexes, condition variables and times, as SRFI 18 has them, and what channels are made of.
;;
;; A thread that does not run has a continuation and what to do there when it goes on (`go`). Who waits makes a wait, puts
;; it where it may be found by those who can end it, and leaves; `wake!` ends a wait once. A wait that is over stays in
;; queues until it is met there. Nothing in here is interrupted (core/fuel.ts): no other thread sees anything half done.
;; There may be no memory for leaving: the thread goes on with what its handlers make of that, so what has been queued for
;; it before finds it without a continuation, and is left out.
;;
;; Threads take turns in order: after some entries of procedures, and whenever one waits. With a seed the next one and its
;; time are chosen by it. Time that nobody uses is slept; under a virtual clock it passes at once.
(define-library (stratos threads)
  (export current-thread thread? make-thread thread-name thread-specific thread-specific-set! thread-start! thread-yield!
          thread-sleep! thread-terminate! thread-join! thread-state
          mutex? make-mutex mutex-name mutex-specific mutex-specific-set! mutex-state mutex-lock! mutex-unlock!
          condition-variable? make-condition-variable condition-variable-name condition-variable-specific
          condition-variable-specific-set! condition-variable-signal! condition-variable-broadcast!
          current-time time? time->seconds seconds->time
          current-exception-handler join-timeout-exception? abandoned-mutex-exception? terminated-thread-exception?
          uncaught-exception? uncaught-exception-reason
          make-wait wait-done? wake! block! make-queue queue-add! queue-next! queue-any? deadline-of random-below
          hold-threads! set-outside!)
  (import (scheme base) (scheme time) (scheme write) (scheme process-context) (scheme case-lambda)
          (stratos chance) (stratos thread-primitives) (stratos thread-hold))
  (begin
    ;; How many entries of procedures a turn has.
    (define quantum 10000)
    ;; Seconds between two looks at input that somebody awaits.
    (define look-seconds 1/200)

    ;; A thread: its name, and a value of the program's own (thread-specific).
    (define-record-type thread
      (new-thread name thunk parameters specific state result k go wait place owned joiners)
      thread?
      ;; k: 'new before it begins, #f while it runs.
      (name thread-name) (thunk thread-thunk) (parameters thread-parameters)
      (specific thread-specific thread-specific-set!)
      ;; new, ready, waiting, ended, failed or terminated
      (state thread-state set-state!)
      (result result set-result!) (k thread-k set-k!) (go thread-go set-go!) (wait thread-wait set-wait!)
      (place place set-place!) (owned owned set-owned!) (joiners joiners))
    (define-record-type wait
      (new-wait thread what deadline done)
      wait?
      (thread wait-thread) (what wait-what) (deadline wait-deadline) (done wait-done? set-done!))
    ;; A point in time; its seconds count from 1970.
    (define-record-type time (make-time seconds) time? (seconds time->seconds))
    ;; Raised by thread-join! where its time is up.
    (define-record-type join-timeout-exception (make-join-timeout) join-timeout-exception?)
    ;; Raised by mutex-lock! where the owner has ended without unlocking.
    (define-record-type abandoned-mutex-exception (make-abandoned-mutex) abandoned-mutex-exception?)
    ;; Raised by thread-join! where the thread was terminated.
    (define-record-type terminated-thread-exception (make-terminated-thread) terminated-thread-exception?)
    ;; Raised by thread-join! where the thread ended by what it raised, the reason.
    (define-record-type uncaught-exception (make-uncaught-exception reason) uncaught-exception?
      (reason uncaught-exception-reason))

    (define (check who test value)
      (unless (test value) (error (string-append who ": wrong operand:") value)))

    ;; Queues: first in, first out; waits that are over are left out. An item is a wait, or a pair that begins with one.
    (define-record-type queue (new-queue front back count most) queue?
      (front front set-front!) (back back set-back!) (count count set-count!) (most most set-most!))
    (define (make-queue) (new-queue '() '() 0 16))
    (define (over? item) (wait-done? (if (pair? item) (car item) item)))
    (define (live items) (let loop ((l items) (kept '()))
      (if (null? l) (reverse kept) (loop (cdr l) (if (over? (car l)) kept (cons (car l) kept))))))
    (define (queue-add! q item)
      (when (= (count q) (most q))
        (set-front! q (live (append (front q) (reverse (back q)))))
        (set-back! q '())
        (set-count! q (length (front q)))
        (set-most! q (max 16 (* 2 (count q)))))
      (set-back! q (cons item (back q)))
      (set-count! q (+ 1 (count q))))
    (define (queue-any? q)
      (when (null? (front q)) (set-front! q (reverse (back q))) (set-back! q '()))
      (cond ((null? (front q)) #f)
            ((over? (car (front q))) (drop! q) (queue-any? q))
            (else #t)))
    (define (drop! q) (set-front! q (cdr (front q))) (set-count! q (- (count q) 1)))
    (define (queue-next! q)
      (if (queue-any? q) (let ((item (car (front q)))) (drop! q) item) #f))

    ;; Those who can go on, as a queue of threads; those who wait for a time, as a leftist heap (Crane 1972) of vectors
    ;; #(rank deadline number wait left right); all who have begun and not ended, in a vector.
    (define ready-front '())
    (define ready-back '())
    (define sleepers #f)
    (define sleep-count 0)
    (define alive (make-vector 16 #f))
    (define alive-count 0)

    (define (earlier? a b)
      (let ((s (vector-ref a 1)) (t (vector-ref b 1)))
        (or (< s t) (and (= s t) (< (vector-ref a 2) (vector-ref b 2))))))
    (define (rank heap) (if heap (vector-ref heap 0) 0))
    (define (merge a b)
      (cond ((not a) b) ((not b) a)
            ((earlier? b a) (merge b a))
            (else
             (let ((left (vector-ref a 4)) (right (merge (vector-ref a 5) b)))
               (if (< (rank left) (rank right))
                   (node a (+ 1 (rank left)) right left)
                   (node a (+ 1 (rank right)) left right))))))
    (define (node a rank left right)
      (vector rank (vector-ref a 1) (vector-ref a 2) (vector-ref a 3) left right))
    (define (drop-sleeper!) (set! sleepers (merge (vector-ref sleepers 4) (vector-ref sleepers 5))))
    (define (next-deadline)
      (cond ((not sleepers) #f)
            ((wait-done? (vector-ref sleepers 3)) (drop-sleeper!) (next-deadline))
            (else (vector-ref sleepers 1))))
    (define (wake-due!)
      (let ((deadline (next-deadline)))
        (when (and deadline (<= deadline (current-second)))
          (let ((w (vector-ref sleepers 3)))
            (drop-sleeper!)
            (wake! w late)
            (wake-due!)))))
    (define (late) 'timeout)

    (define (enlist! t)
      (when (= alive-count (vector-length alive))
        (let ((larger (make-vector (* 2 alive-count) #f)))
          (vector-copy! larger 0 alive)
          (set! alive larger)))
      (vector-set! alive alive-count t)
      (set-place! t alive-count)
      (set! alive-count (+ 1 alive-count)))
    (define (strike! t)
      (set! alive-count (- alive-count 1))
      (let ((last (vector-ref alive alive-count)))
        (vector-set! alive (place t) last)
        (set-place! last (place t))
        (vector-set! alive alive-count #f)))

    (define (make-main) (new-thread 'main #f #f #f 'ready #f #f #f #f 0 '() (make-queue)))
    (define main (make-main))
    (enlist! main)
    ;; A program that begins anew runs as the first thread, which may have been left in the midst of a wait.
    (define (current-thread)
      (or (%thread)
          (begin
            (when (thread-wait main) (set-done! (thread-wait main) #t) (set-wait! main #f))
            (set! ready-front (without main (append ready-front (reverse ready-back))))
            (set! ready-back '())
            (set-state! main 'ready)
            (%set-thread! main)
            main)))
    (define (without t l) (let loop ((l l) (kept '()))
      (cond ((null? l) (reverse kept)) ((eq? (car l) t) (loop (cdr l) kept)) (else (loop (cdr l) (cons (car l) kept))))))

    (define (ready! t go)
      (set-go! t go)
      (set-state! t 'ready)
      (set! ready-back (cons t ready-back)))
    (define (ended? t) (memq (thread-state t) '(ended failed terminated)))
    (define (any-ready?)
      (when (null? ready-front) (set! ready-front (reverse ready-back)) (set! ready-back '()))
      (cond ((null? ready-front) #f)
            ((ended? (car ready-front)) (set! ready-front (cdr ready-front)) (any-ready?))
            (else #t)))
    (define (next-ready!)
      (when seeded
        (set! ready-front (append ready-front (reverse ready-back)))
        (set! ready-back '())
        (let ((n (random-below (length ready-front))))
          (set! ready-front (let ((t (list-ref ready-front n))) (cons t (without t ready-front))))))
      (if (any-ready?)
          (let ((t (car ready-front))) (set! ready-front (cdr ready-front)) t)
          #f))

    ;; What can end a wait from outside (JavaScript): whether it should have a turn now, whether it may still end one,
    ;; and how it is given a turn, of so many seconds (#f: until it has ended something). False is given where
    ;; there is nothing to wait for.
    (define outside-due? #f)
    (define let-outside #f)
    (define outside-pending? #f)
    (define (set-outside! due? pending? let-go)
      (set! outside-due? due?) (set! outside-pending? pending?) (set! let-outside let-go))

    ;; Goes on with whoever can; does not return. Who leaves has put their continuation where it is found.
    (define (dispatch)
      (wake-due!)
      (when (and outside-due? (outside-due?)) (let-outside 0))
      (if (any-ready?)
          (let* ((t (next-ready!)) (k (thread-k t)) (run (if (eq? k 'new) (runner t) #f)))
            (cond ((not k) (dispatch))
                  (else
                   (%set-thread! t)
                   (%set-fuel! (turn))
                   (set-k! t #f)
                   (if run (%call-at-base run) (%throw-to k (thread-go t))))))
          (let ((deadline (next-deadline)))
            (cond
              ((and let-outside (let-outside (and deadline (max 0 (- deadline (current-second)))))) (nothing))
              (deadline (%sleep (max 0 (- deadline (current-second)))))
              (else (begin (set! main-wait (thread-wait main)) (wake! main-wait deadlock))))
            (dispatch))))
    (define (turn) (if seeded (+ 1 (random-below (* 2 quantum))) quantum))
    (define (leave! t) ((call/cc (lambda (k) (set-k! t k) (dispatch)))))
    (define (take-turns! t) ((call/cc (lambda (k) (set-k! t k) (ready! t nothing) (dispatch)))))
    (define (nothing) (if #f #f))

    (define (runner t)
      (lambda (k)
        (%set-parameters! (thread-parameters t))
        (with-exception-handler
          (lambda (reason) (finish! t 'failed reason))
          (lambda () (let ((value ((thread-thunk t)))) (finish! t 'ended value))))))
    (define (end! t state value)
      (set-state! t state)
      (set-result! t value)
      (set-k! t #f)
      (when (thread-wait t) (set-done! (thread-wait t) #t) (set-wait! t #f))
      (strike! t)
      (for-each abandon! (owned t))
      (set-owned! t '())
      (let loop ()
        (let ((w (queue-next! (joiners t)))) (when w (wake! w nothing) (loop)))))
    (define (finish! t state value) (end! t state value) (dispatch))

    ;; What a thread waits for is told where nobody can go on.
    (define make-wait
      (case-lambda
        ((what deadline) (make-wait (current-thread) what deadline))
        ((t what deadline)
         (let ((w (new-wait t what deadline #f)))
           (when deadline
             (set! sleep-count (+ 1 sleep-count))
             (set! sleepers (merge sleepers (vector 1 deadline sleep-count w #f #f))))
           w))))
    ;; The thread of a wait goes on with what `go` does there. False: the wait was over.
    (define (wake! w go)
      (if (wait-done? w) #f
        (let ((t (wait-thread w)))
          (set-done! w #t)
          (set-wait! t #f)
          (ready! t go)
          #t)))
    (define (block! w)
      (when (held)
        (set-done! w #t)
        (error (string-append (held) " waits for this procedure itself, which cannot wait for "
                              (words-of (wait-what w)))))
      (let ((t (current-thread)))
        (set-wait! t w)
        (set-state! t 'waiting)
        (leave! t)))

    (define (shown x) (let ((port (open-output-string))) (display x port) (get-output-string port)))
    (define (deadlock)
      (let loop ((i 0) (words '()))
        (if (< i alive-count)
            (let* ((t (vector-ref alive i)) (w (thread-wait t)))
              (loop (+ i 1)
                    (if (or w (eq? t main))
                        (cons (string-append (shown (thread-name t)) " waits for " (words-of (wait-what (or w main-wait))))
                              words)
                        words)))
            (error (string-append "deadlock: no thread can go on: " (joined (reverse words)))))))
    (define main-wait #f)
    (define (words-of what) (if (procedure? what) (what) what))
    (define (joined words)
      (let loop ((l words) (text ""))
        (cond ((null? l) text) ((string=? text "") (loop (cdr l) (car l)))
              (else (loop (cdr l) (string-append text "; " (car l)))))))

    ;; Hooks of the engines.
    (define (others?) (and (not (held)) (begin (wake-due!) (any-ready?))))
    (define (turn-due?) (or (others?) (and outside-due? (not (held)) (outside-due?))))
    (define (preempt)
      (%pass-time 1/1000)
      (if (turn-due?)
          (take-turns! (current-thread))
          (%set-fuel! (turn))))
    (define (await-input port needs-line)
      (unless (%input-ready? port needs-line)
        (cond ((turn-due?) (thread-yield!) (await-input port needs-line))
              ((or (next-deadline) (and outside-pending? (not (held)) (outside-pending?)))
               (thread-sleep! look-seconds)
               (await-input port needs-line)))))
    (%set-thread-hooks! (cons preempt await-input))

    ;; Times: a timeout is a time, or seconds from now, or #f.
    (define (current-time) (make-time (current-second)))
    ;; A time for SECONDS since 1970.
    (define (seconds->time seconds) (check "seconds->time" real? seconds) (make-time seconds))
    (define (deadline-of who timeout)
      (cond ((not timeout) #f)
            ((time? timeout) (time->seconds timeout))
            ((real? timeout) (+ (current-second) timeout))
            (else (error (string-append who ": expected a time, seconds or #f, got") timeout))))
    (define (passed? deadline) (and deadline (<= deadline (current-second))))

    ;; Threads.
    (define thread-count 0)
    ;; A thread that will call THUNK once it is started; a name may follow.
    (define (make-thread thunk . name)
      (check "make-thread" procedure? thunk)
      (set! thread-count (+ 1 thread-count))
      (new-thread (if (pair? name) (car name) (string->symbol (string-append "thread-" (number->string thread-count))))
                  thunk (%parameters) #f 'new #f 'new #f #f #f '() (make-queue)))
    ;; Lets T run, and gives it.
    (define (thread-start! t)
      (check "thread-start!" thread? t)
      (unless (eq? (thread-state t) 'new) (error "thread-start!: the thread was started before:" (thread-name t)))
      (current-thread)
      (enlist! t)
      (ready! t nothing)
      t)
    ;; Lets another thread run.
    (define (thread-yield!)
      (let ((t (current-thread)))
        (%pass-time 1/1000)
        (when (turn-due?) (take-turns! t))
        (nothing)))
    ;; Waits until a time, or for so many seconds.
    (define (thread-sleep! timeout)
      (let ((deadline (deadline-of "thread-sleep!" timeout)))
        (unless deadline (error "thread-sleep!: expected a time or seconds, got" timeout))
        (if (passed? deadline) (thread-yield!) (begin (block! (make-wait "a time" deadline)) (nothing)))))
    ;; Ends T; who waits for it gets a terminated-thread exception.
    (define (thread-terminate! t)
      (check "thread-terminate!" thread? t)
      (cond ((ended? t) (nothing))
            ((eq? t main) (exit))
            ((eq? (thread-state t) 'new) (set-state! t 'terminated))
            ((and (held) (eq? t (current-thread)))
             (error (string-append "thread-terminate!: " (held) " waits for this thread")))
            ((eq? t (current-thread)) (finish! t 'terminated #f))
            (else (end! t 'terminated #f) (nothing))))
    ;; Waits until T has ended, at most until a time or so many seconds, and gives its value; a third argument is what
    ;; a time-out gives.
    (define (thread-join! t . rest)
      (check "thread-join!" thread? t)
      (let* ((deadline (deadline-of "thread-join!" (and (pair? rest) (car rest))))
             (how (cond ((ended? t) #f)
                        ((passed? deadline) 'timeout)
                        (else
                         (let ((w (make-wait (lambda () (string-append "the end of " (shown (thread-name t)))) deadline)))
                           (queue-add! (joiners t) w)
                           (block! w))))))
        (cond ((eq? how 'timeout) (if (and (pair? rest) (pair? (cdr rest))) (cadr rest) (raise (make-join-timeout))))
              ((eq? (thread-state t) 'ended) (result t))
              ((eq? (thread-state t) 'failed) (raise (make-uncaught-exception (result t))))
              (else (raise (make-terminated-thread))))))
    ;; The procedure that what is raised here goes to.
    (define (current-exception-handler)
      (or (%handler) (lambda (reason) (raise reason))))

    ;; Mutexes. Owner: a thread; #t: locked, owned by none; #f: unlocked. Who waits is given it when it is unlocked.
    (define-record-type mutex (new-mutex name specific owner abandoned waiters) mutex?
      (name mutex-name) (specific mutex-specific mutex-specific-set!) (owner owner set-owner!)
      (abandoned abandoned? set-abandoned!) (waiters waiters))
    (define mutex-count 0)
    ;; A mutex that nobody has; a name may follow.
    (define (make-mutex . name)
      (set! mutex-count (+ 1 mutex-count))
      (new-mutex (if (pair? name) (car name) (string->symbol (string-append "mutex-" (number->string mutex-count))))
                 #f #f #f (make-queue)))
    ;; The thread that has M, or not-owned, abandoned or not-abandoned.
    (define (mutex-state m)
      (check "mutex-state" mutex? m)
      (let ((o (owner m)))
        (cond ((eq? o #t) 'not-owned) (o o) ((abandoned? m) 'abandoned) (else 'not-abandoned))))
    (define (own! m t)
      (if (and t (not (ended? t)))
          (begin (set-owner! m t) (set-owned! t (cons m (owned t))))
          (begin (set-owner! m (not t)) (set-abandoned! m (and t #t)))))
    (define (release! m)
      (let ((o (owner m)))
        (when (thread? o) (set-owned! o (without m (owned o))))
        (set-owner! m #f)))
    (define (abandoned) (raise (make-abandoned-mutex)))
    (define (locked) #t)
    (define (abandon! m) (set-owner! m #f) (set-abandoned! m #t) (hand-on! m))
    (define (hand-on! m)
      (let ((next (queue-next! (waiters m))))
        (when next
          (let ((was (abandoned? m)))
            (set-abandoned! m #f)
            (own! m (cdr next))
            (wake! (car next) (if was abandoned locked))))))
    ;; Waits until M is free and takes it, at most until a time or so many seconds; whether it was taken.
    (define (mutex-lock! m . rest)
      (check "mutex-lock!" mutex? m)
      (let ((deadline (deadline-of "mutex-lock!" (and (pair? rest) (car rest))))
            (t (if (and (pair? rest) (pair? (cdr rest))) (cadr rest) (current-thread))))
        (cond ((not (owner m))
               (let ((was (abandoned? m)))
                 (set-abandoned! m #f)
                 (own! m t)
                 (if was (abandoned) #t)))
              ((passed? deadline) #f)
              (else
               (let ((w (make-wait (lambda () (mutex-words m)) deadline)))
                 (queue-add! (waiters m) (cons w t))
                 (not (eq? (block! w) 'timeout)))))))
    (define (mutex-words m)
      (string-append "the mutex " (shown (mutex-name m))
        (if (thread? (owner m)) (string-append " of " (shown (thread-name (owner m)))) "")))
    ;; Lets M go; with a condition variable it waits for a signal to that, at most until a time or so many seconds.
    (define (mutex-unlock! m . rest)
      (check "mutex-unlock!" mutex? m)
      (let ((deadline (deadline-of "mutex-unlock!" (and (pair? rest) (pair? (cdr rest)) (cadr rest)))))
        (release! m)
        (set-abandoned! m #f)
        (if (and (pair? rest) (car rest))
            (let ((w (make-wait (lambda () (condition-words (car rest))) deadline)))
              (hand-on! m)
              (queue-add! (signals (car rest)) w)
              (not (eq? (block! w) 'timeout)))
            (begin (hand-on! m) #t))))

    ;; Condition variables.
    (define-record-type condition-variable (new-condition name specific signals) condition-variable?
      (name condition-variable-name)
      (specific condition-variable-specific condition-variable-specific-set!) (signals signals))
    (define condition-count 0)
    ;; A condition variable; a name may follow.
    (define (make-condition-variable . name)
      (set! condition-count (+ 1 condition-count))
      (new-condition
        (if (pair? name) (car name) (string->symbol (string-append "condition-" (number->string condition-count))))
        #f (make-queue)))
    (define (condition-words c) (string-append "the condition variable " (shown (condition-variable-name c))))
    ;; Lets one thread go on that waits for C.
    (define (condition-variable-signal! c)
      (let ((w (queue-next! (signals c)))) (when w (wake! w locked)) (nothing)))
    ;; Lets all threads go on that wait for C.
    (define (condition-variable-broadcast! c)
      (let loop () (let ((w (queue-next! (signals c)))) (if w (begin (wake! w locked) (loop)) (nothing)))))))
