;; Ports: input and output.
;;
;; What the prompt's and the editors' documentation and docs/lisp/reference.md say of what the system itself defines.
;; R7RS §6.13.

(procedure (port? object) -> boolean
  "Whether OBJECT is a port.")
(procedure (input-port? object) -> boolean
  "Whether OBJECT is a port that can be read.")
(procedure (output-port? object) -> boolean
  "Whether OBJECT is a port that can be written.")
(procedure (textual-port? object) -> boolean
  "Whether OBJECT is a port of characters.")
(procedure (binary-port? object) -> boolean
  "Whether OBJECT is a port of bytes.")
(procedure (input-port-open? port) -> boolean
  "Whether PORT can still be read.")
(procedure (output-port-open? port) -> boolean
  "Whether PORT can still be written.")
(procedure (current-input-port) -> port
  "A parameter: where is read from without a port.")
(procedure (current-output-port) -> port
  "A parameter: where is written without a port.")
(procedure (current-error-port) -> port
  "A parameter: where messages are written.")
(procedure (call-with-port port procedure)
  "Calls PROCEDURE with PORT, and closes it when that returns.")
(procedure (call-with-input-file file procedure)
  "Calls PROCEDURE with a port that reads FILE, and closes it.")
(procedure (call-with-output-file file procedure)
  "Calls PROCEDURE with a port that writes FILE, and closes it.")
(procedure (with-input-from-file file thunk)
  "Calls THUNK, while FILE is `current-input-port`.")
(procedure (with-output-to-file file thunk)
  "Calls THUNK, while FILE is `current-output-port`.")
(procedure (open-input-file file) -> port
  "A port that reads the text of FILE.")
(procedure (open-binary-input-file file) -> port
  "A port that reads the bytes of FILE.")
(procedure (open-output-file file (append?)) -> port
  "A port that writes the text of FILE, which is emptied first, or with #t continued.")
(procedure (open-binary-output-file file (append?)) -> port
  "A port that writes the bytes of FILE, which is emptied first, or with #t continued.")
(procedure (close-port port)
  "Closes PORT.")
(procedure (close-input-port port)
  "Closes PORT, which is read.")
(procedure (close-output-port port)
  "Closes PORT, which is written.")
(procedure (open-input-string string) -> port
  "A port that reads the characters of STRING.")
(procedure (open-output-string) -> port
  "A port that gathers characters: `get-output-string`.")
(procedure (get-output-string port) -> string
  "What was written to PORT so far.")
(procedure (open-input-bytevector bytevector) -> port
  "A port that reads the bytes of BYTEVECTOR.")
(procedure (open-output-bytevector) -> port
  "A port that gathers bytes: `get-output-bytevector`.")
(procedure (get-output-bytevector port) -> bytevector
  "What was written to PORT so far.")
(procedure (call-with-output-string procedure) -> string
  "What PROCEDURE writes to the port that it is called with.")
(procedure (with-output-to-string thunk) -> string
  "What THUNK writes to `current-output-port`.")
(procedure (with-input-from-string string thunk)
  "Calls THUNK, while `current-input-port` reads STRING.")
(procedure (file-exists? file) -> boolean
  "Whether there is such a file.")
(procedure (delete-file file)
  "Deletes FILE.")

;; Input
(procedure (read (port))
  "The next datum, or the end-of-file object.")
(procedure (read-char (port))
  "The next character, or the end-of-file object.")
(procedure (peek-char (port))
  "The next character, which stays there.")
(procedure (char-ready? (port)) -> boolean
  "Whether a character can be read without waiting.")
(procedure (read-line (port))
  "The rest of the line without its end, or the end-of-file object.")
(procedure (read-string count (port))
  "The next COUNT characters, or fewer before the end.")
(procedure (read-u8 (port))
  "The next byte, or the end-of-file object.")
(procedure (peek-u8 (port))
  "The next byte, which stays there.")
(procedure (u8-ready? (port)) -> boolean
  "Whether a byte can be read without waiting.")
(procedure (read-bytevector count (port))
  "The next COUNT bytes, or fewer before the end.")
(procedure (read-bytevector! bytevector (port (start (end))))
  "Reads bytes into BYTEVECTOR; how many there were, or the end-of-file object.")
(procedure (eof-object)
  "The end-of-file object.")
(procedure (eof-object? object) -> boolean
  "Whether OBJECT is the end-of-file object.")

;; Output
(procedure (write object (port))
  "Writes OBJECT as it is read again; what contains itself is written with labels.")
(procedure (write-shared object (port))
  "Writes OBJECT with labels for all that stands in it more than once.")
(procedure (write-simple object (port))
  "Writes OBJECT without labels; for what contains itself it does not end.")
(procedure (display object (port))
  "Writes OBJECT for people: strings and characters as they are.")
(procedure (newline (port))
  "Ends the line.")
(procedure (fresh-line (port))
  "Ends the line, unless nothing stands on it.")
(procedure (write-char char (port))
  "Writes CHAR.")
(procedure (write-string string (port (start (end))))
  "Writes the characters from START to before END.")
(procedure (write-u8 byte (port))
  "Writes BYTE.")
(procedure (write-bytevector bytevector (port (start (end))))
  "Writes the bytes from START to before END.")
(procedure (flush-output-port (port))
  "Hands on what is still held back.")
(procedure (flush-output (port))
  "`flush-output-port`.")
