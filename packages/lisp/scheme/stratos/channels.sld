;; Channels between threads, and a choice of several things that a thread may do next (after Concurrent ML: Reppy 1991).
;;
;; A choice is a vector #(kind channel-or-deadline value procedure); who waits leaves a wait with its choice at each channel
;; it may go on by, and the first that comes ends the wait. A sender's value is taken from its choice.
(define-library (stratos channels)
  (export make-channel channel? channel-name channel-send! channel-receive! channel-close! channel-closed?
          receive-choice send-choice after-choice else-choice choose select receive-from send-to after)
  (import (scheme base) (scheme write) (scheme case-lambda) (stratos threads))
  (begin
    (define-record-type channel (new-channel name capacity front back count closed senders receivers) channel?
      (name channel-name) (capacity capacity) (front front set-front!) (back back set-back!) (count count set-count!)
      (closed channel-closed? set-closed!) (senders senders) (receivers receivers))
    (define channel-count 0)
    ;; A sender waits until somebody receives, or while CAPACITY values wait to be received.
    (define make-channel
      (case-lambda
        (() (make-channel 0))
        ((capacity)
         (set! channel-count (+ 1 channel-count))
         (make-channel capacity (string->symbol (string-append "channel-" (number->string channel-count)))))
        ((capacity name)
         (unless (and (exact-integer? capacity) (>= capacity 0))
           (error "make-channel: expected how many values it may hold, got" capacity))
         (new-channel name capacity '() '() 0 #f (make-queue) (make-queue)))))
    (define (check who c) (unless (channel? c) (error (string-append who ": expected a channel, got") c)))

    (define (put! c value) (set-back! c (cons value (back c))) (set-count! c (+ 1 (count c))))
    (define (take! c)
      (when (null? (front c)) (set-front! c (reverse (back c))) (set-back! c '()))
      (let ((value (car (front c))))
        (set-front! c (cdr (front c)))
        (set-count! c (- (count c) 1))
        value))
    (define (kind choice) (vector-ref choice 0))
    (define (on choice) (vector-ref choice 1))
    (define (value choice) (vector-ref choice 2))
    (define (then choice) (vector-ref choice 3))

    (define (receive-choice c procedure) (check "receive-choice" c) (vector 'receive c #f procedure))
    (define (send-choice c value thunk) (check "send-choice" c) (vector 'send c value thunk))
    (define (after-choice timeout thunk) (vector 'after (deadline-of "after-choice" timeout) #f thunk))
    (define (else-choice thunk) (vector 'else #f #f thunk))

    ;; What is done now gives a pair of the choice and its values as a list; #f: it cannot be done now.
    (define (try choice)
      (case (kind choice)
        ((receive) (try-receive choice (on choice)))
        ((send) (try-send choice (on choice)))
        (else #f)))
    (define (try-receive choice c)
      (cond ((> (count c) 0)
             (let ((got (take! c)))
               ;; Room for one who waits to send.
               (let ((sender (queue-next! (senders c))))
                 (when sender
                   (put! c (value (cdr sender)))
                   (done! (car sender) (cdr sender) '())))
               (list choice got)))
            ((queue-next! (senders c))
             => (lambda (sender)
                  (done! (car sender) (cdr sender) '())
                  (list choice (value (cdr sender)))))
            ((channel-closed? c) (list choice (eof-object)))
            (else #f)))
    (define (try-send choice c)
      (when (channel-closed? c) (closed c))
      (cond ((queue-next! (receivers c))
             => (lambda (receiver)
                  (done! (car receiver) (cdr receiver) (list (value choice)))
                  (list choice)))
            ((< (count c) (capacity c)) (put! c (value choice)) (list choice))
            (else #f)))
    (define (closed c) (error "channel-send!: the channel is closed:" (channel-name c)))
    (define (done! wait choice values) (wake! wait (lambda () (cons choice values))))

    (define (words choices)
      (lambda ()
        (let loop ((l choices) (text ""))
          (if (null? l) text
            (let* ((port (open-output-string)) (c (on (car l))))
              (if (channel? c)
                  (begin
                    (display (if (eq? (kind (car l)) 'send) "a receiver of " "a value from ") port)
                    (display (channel-name c) port)))
              (loop (cdr l)
                    (string-append text (if (string=? text "") "" " or ") (get-output-string port))))))))

    ;; Does one of the choices: the first that can be done (with a seed: any of those), else the first that can be later.
    ;; The procedure of that choice is called with what was received.
    (define (choose . choices)
      (when (null? choices) (error "choose: there is no choice"))
      (let* ((start (random-below (length choices)))
             (order (append (list-tail choices start) (first-of choices start)))
             (now (let loop ((l order)) (if (null? l) #f (or (try (car l)) (loop (cdr l))))))
             (done (or now (otherwise choices) (wait-for choices))))
        (apply (then (car done)) (cdr done))))
    (define (first-of l n) (if (= n 0) '() (cons (car l) (first-of (cdr l) (- n 1)))))
    (define (otherwise choices)
      (let loop ((l choices)) (cond ((null? l) #f) ((eq? (kind (car l)) 'else) (list (car l))) (else (loop (cdr l))))))
    (define (wait-for choices)
      (let* ((earliest (let loop ((l choices) (found #f))
                         (cond ((null? l) found)
                               ((and (eq? (kind (car l)) 'after) (on (car l)) (or (not found) (< (on (car l)) (on found))))
                                (loop (cdr l) (car l)))
                               (else (loop (cdr l) found)))))
             (wait (make-wait (words choices) (and earliest (on earliest)))))
        (for-each
          (lambda (choice)
            (case (kind choice)
              ((receive) (queue-add! (receivers (on choice)) (cons wait choice)))
              ((send) (queue-add! (senders (on choice)) (cons wait choice)))))
          choices)
        (let ((done (block! wait)))
          (if (eq? done 'timeout) (list earliest) done))))

    ;; With a timeout (a time, or seconds) the last operand, or else #f, comes when it is over.
    (define channel-send!
      (case-lambda
        ((c value) (check "channel-send!" c) (choose (send-choice c value (lambda () #t))))
        ((c value timeout)
         (check "channel-send!" c)
         (choose (send-choice c value (lambda () #t)) (after-choice timeout (lambda () #f))))))
    (define channel-receive!
      (case-lambda
        ((c) (check "channel-receive!" c) (choose (receive-choice c (lambda (got) got))))
        ((c timeout) (channel-receive! c timeout #f))
        ((c timeout default)
         (check "channel-receive!" c)
         (choose (receive-choice c (lambda (got) got)) (after-choice timeout (lambda () default))))))
    ;; Values that were sent can still be received, then comes the end (eof-object).
    (define (channel-close! c)
      (check "channel-close!" c)
      (set-closed! c #t)
      (let loop ()
        (let ((receiver (queue-next! (receivers c))))
          (when receiver (done! (car receiver) (cdr receiver) (list (eof-object))) (loop))))
      (let loop ()
        (let ((sender (queue-next! (senders c))))
          (when sender (wake! (car sender) (lambda () (closed c))) (loop)))))

    (define-syntax receive-from (syntax-rules ()))
    (define-syntax send-to (syntax-rules ()))
    (define-syntax after (syntax-rules ()))
    ;; (select ((receive-from C) (v) BODY ...) ((send-to C VALUE) BODY ...) ((after TIMEOUT) BODY ...) (else BODY ...))
    (define-syntax select
      (syntax-rules ()
        ((_ clause ...) (%select () clause ...))))
    (define-syntax %select
      (syntax-rules (receive-from send-to after else)
        ((_ (choice ...)) (choose choice ...))
        ((_ (choice ...) ((receive-from c) (v) body ...) clause ...)
         (%select (choice ... (receive-choice c (lambda (v) body ...))) clause ...))
        ((_ (choice ...) ((send-to c value) body ...) clause ...)
         (%select (choice ... (send-choice c value (lambda () body ...))) clause ...))
        ((_ (choice ...) ((after timeout) body ...) clause ...)
         (%select (choice ... (after-choice timeout (lambda () body ...))) clause ...))
        ((_ (choice ...) (else body ...) clause ...)
         (%select (choice ... (else-choice (lambda () body ...))) clause ...))))))
