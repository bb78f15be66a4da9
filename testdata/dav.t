=== PUT makes a file
--- config
absolute_redirect off;
location / { dav_methods PUT; create_full_put_path on; }
--- request
PUT /dir/new%20file
text
--- response_headers
Location: /dir/new%20file
Content-Length: 0
--- status: 201
--- lens: plain a file is new once

=== PUT changes a file
--- config
location /f { dav_methods PUT; dav_access group:r all:r; }
--- user_files
>>> f
old
--- request
PUT /f
new
--- status: 204

=== PUT of an empty body
--- config
location /f { dav_methods PUT; }
--- user_files
>>> f
old
--- request
PUT /f
--- status: 204

=== PUT to a collection
--- config
location / { dav_methods PUT; }
--- request
PUT /dir/
x
--- status: 409
--- error_log
cannot PUT to a collection

=== PUT over a directory
--- config
location / { dav_methods PUT; }
--- user_files
>>> dir/f
x
--- request
PUT /dir
x
--- status: 409
--- error_log
could not be created (21: Is a directory)

=== PUT where there is no directory
--- config
location / { dav_methods PUT; }
--- request
PUT /none/f
x
--- status: 500
--- error_log
failed (2: No such file or directory)

=== PUT that is not allowed
--- config
location / { dav_methods DELETE; }
--- request
PUT /f
x
--- status: 405

=== PUT with a range
--- config
location / { dav_methods PUT; }
--- request
PUT /f
x
--- more_headers
Content-Range: bytes 0-0/1
--- status: 501
--- error_log
PUT with range is unsupported

=== DELETE a tree
--- config
location / { dav_methods DELETE; }
--- user_files
>>> a/b/c
x
--- request
DELETE /a/
--- status: 204
--- lens: plain it is there once

=== DELETE a directory as if it were a file
--- config
location / { dav_methods DELETE; }
--- user_files
>>> a/b
x
--- request
DELETE /a
--- status: 409
--- error_log
DELETE

=== DELETE a file as if it were a directory
--- config
location / { dav_methods DELETE; }
--- user_files
>>> a
x
--- request
DELETE /a/
--- status: 409
--- error_log
failed (20: Not a directory)

=== DELETE what is not there
--- config
location / { dav_methods DELETE; }
--- request
DELETE /a
--- status: 404
--- error_log
failed (2: No such file or directory)

=== DELETE near the root
--- config
location / { dav_methods DELETE; min_delete_depth 2; }
--- user_files
>>> a/b
x
--- request
DELETE /a/
--- status: 409
--- error_log
insufficient URI depth:1 to DELETE

=== DELETE with a body
--- config
location / { dav_methods DELETE; }
--- request
DELETE /a
x
--- status: 415
--- error_log
DELETE with body is unsupported

=== MKCOL
--- config
location / { dav_methods MKCOL; }
--- request
MKCOL /a/
--- status: 201
--- lens: plain it is new once

=== MKCOL where something is
--- config
location / { dav_methods MKCOL; }
--- user_files
>>> a/b
x
--- request
MKCOL /a/
--- status: 405
--- error_log
failed (17: File exists)

=== MKCOL of a file's name
--- config
location / { dav_methods MKCOL; }
--- request
MKCOL /a
--- status: 409
--- error_log
MKCOL can create a collection only

=== COPY a file
--- config
location / { dav_methods COPY; }
--- user_files
>>> a
x
--- request
COPY /a
--- more_headers
Destination: /b
--- status: 204

=== COPY a tree over another
--- config
location / { dav_methods COPY; }
--- user_files
>>> a/b/c
x
>>> d/e
x
--- request
COPY /a/
--- more_headers
Destination: http://localhost/d/
--- status: 201

=== COPY over what is there
--- config
location / { dav_methods COPY; }
--- user_files
>>> a
x
>>> b
y
--- request
COPY /a
--- more_headers
Destination: /b
Overwrite: F
--- status: 412
--- error_log
could not be written to

=== COPY into itself
--- config
location / { dav_methods COPY; }
--- user_files
>>> a/b
x
--- request
COPY /a/
--- more_headers
Destination: /a/c/
--- status: 403
--- error_log
one is a part of the other

=== COPY out of the location
--- config
location /x/ { dav_methods COPY; alias $PREFIX/html/; }
--- user_files
>>> a
x
--- request
COPY /x/a
--- more_headers
Destination: /a
--- status: 400
--- error_log
client sent invalid "Destination" header: "/a"

=== COPY above the root
--- config
location / { dav_methods COPY; }
--- user_files
>>> a
x
--- request
COPY /a
--- more_headers
Destination: /%2e%2e/a
--- status: 400
--- error_log
unsafe URI
client sent invalid "Destination" header

=== COPY to another host
--- config
location / { dav_methods COPY; }
--- request
COPY /a
--- more_headers
Destination: http://example.org/a
--- status: 400
--- error_log
is handled by different repository

=== COPY without a destination
--- config
location / { dav_methods COPY; }
--- request
COPY /a
--- status: 400
--- error_log
client sent no "Destination" header

=== COPY of a collection to a file
--- config
location / { dav_methods COPY; }
--- request
COPY /a/
--- more_headers
Destination: /b
--- status: 409
--- error_log
should be either collections or non-collections

=== MOVE a file into a directory that is made
--- config
location / { dav_methods MOVE; }
--- user_files
>>> a
x
--- request
MOVE /a
--- more_headers
Destination: /d/e/a
--- status: 204
--- lens: plain it is there once

=== MOVE a tree
--- config
location / { dav_methods MOVE; }
--- user_files
>>> a/b
x
--- request
MOVE /a/
--- more_headers
Destination: /c/
--- status: 201
--- lens: plain it is there once

=== MOVE with a depth
--- config
location / { dav_methods MOVE; }
--- user_files
>>> a/b
x
--- request
MOVE /a/
--- more_headers
Destination: /c/
Depth: 0
--- status: 400
--- error_log
"Depth" header must be infinity
