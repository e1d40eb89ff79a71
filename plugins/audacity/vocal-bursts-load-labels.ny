;nyquist plug-in
;version 4
;type analyze
;name "Vocal bursts: load labels"
;author "vbannotate"
;release @VERSION@
;copyright "Apache License 2.0"

;control FILE "Label file" file "" "" "Label tracks|*.txt;*.TXT|All files|*.*;*" "open,exists"
;control CLOCK "Times in the file count from" choice "start of the project,start of the selection" 0

; Adds the labels of a file (onset TAB offset TAB text, seconds) as a label track, all at once.
; Audacity runs an analyze plug-in once for each selected audio track and takes times from the start of the
; selection: so only the first track acts, and the selection's start is subtracted.
; A first line "# answer PATH" asks for a reply in the file PATH: the number of labels, the start and the end
; of the selection, in seconds. vbannotate asks for it, because Audacity does not report errors of plug-ins.

(setf *float-format* "%.12g")
(setf tab-sign (code-char 9))

(defun vb-find (sign text)
  (do ((i 0 (+ i 1))) ((or (>= i (length text)) (char= (char text i) sign))
                       (if (< i (length text)) i nil))))

(defun vb-fields (text)
  (let ((at (vb-find tab-sign text)))
    (if at
        (cons (subseq text 0 at) (vb-fields (subseq text (+ at 1))))
        (list text))))

(defun vb-clean (line)
  (if (and (> (length line) 0) (char= (char line (- (length line) 1)) (code-char 13)))
      (setf line (subseq line 0 (- (length line) 1))))
  (if (and (>= (length line) 3) (= (char-code (char line 0)) 239) (= (char-code (char line 1)) 187))
      (setf line (subseq line 3)))
  line)

(defun vb-number (text)
  (let ((value nil))
    (if (and (> (length text) 0) (string-search (subseq text 0 1) " +-.0123456789"))
        (setf value (read (make-string-input-stream text))))
    (if (numberp value) value nil)))

(defun vb-label (line)
  (let* ((fields (vb-fields line))
         (onset (vb-number (first fields)))
         (offset (if (rest fields) (vb-number (second fields)) nil)))
    (cond ((not onset) nil)
          (offset (list (- (float onset) vb-zero) (- (float offset) vb-zero)
                        (if (third fields) (third fields) "")))
          (t (list (- (float onset) vb-zero) (if (second fields) (second fields) ""))))))

(defun vb-read (source)
  (do* ((line (read-line source) (read-line source))
        (label nil)
        (found nil))
       ((not line) (reverse found))
    (setf line (vb-clean line))
    (if (and (> (length line) 9) (string= (subseq line 0 9) "# answer "))
        (setf vb-answer (subseq line 9)))
    (setf label (vb-label line))
    (if label (setf found (cons label found)))))

(defun vb-reply (count)
  (if vb-answer
      (let ((target (open vb-answer :direction :output)))
        (if target
            (progn (format target "~a ~a ~a~%" count (get '*selection* 'start) (get '*selection* 'end))
                   (close target))))))

(defun vb-load ()
  (let ((source (open FILE)) (found nil))
    (cond ((not source) (format nil "The label file cannot be read:~%~a" FILE))
          (t (setf found (vb-read source))
             (close source)
             (vb-reply (length found))
             (if found found (if vb-answer "" "There are no labels in this file."))))))

(setf vb-answer nil)
(setf vb-zero (if (= CLOCK 0) (float (get '*selection* 'start)) 0.0))
(setf vb-result
  (if (= (get '*track* 'index) (first (get '*selection* 'tracks)))
      (vb-load)
      ""))
vb-result
