"""Who may open the page that can move a robot."""

import pytest

from jepa_wm_ros.viz.web.access import COOKIE, Access, AccessError, Request, read_head

TOKEN = 'the token'
OURS = {'host': 'localhost:8080', 'origin': 'http://localhost:8080'}


@pytest.mark.parametrize('host', ['localhost', 'localhost:8080', '127.0.0.1:9', '[::1]:8080'])
def test_without_a_token_this_computer_is_served_under_its_own_names(host):
    assert Access().check(Request(target='/', headers={'host': host})) == ''


@pytest.mark.parametrize(
    'headers',
    [
        {},
        {'host': '192.168.1.5:8080'},
        {'host': 'evil.example:8080'},  # a name that was made to point to this computer
        {'host': 'localhost.evil.example'},
        OURS | {'origin': 'http://evil.example'},  # a script of another site
        OURS | {'origin': 'http://localhost:9999'},
        OURS | {'origin': 'null'},
    ],
)
def test_without_a_token_others_and_pages_of_others_are_not_served(headers):
    with pytest.raises(AccessError):
        Access().check(Request(target='/?token=', headers=headers))


def test_a_token_in_the_address_becomes_a_cookie_and_leaves_the_address():
    access = Access(token=TOKEN)
    headers = {'host': 'robot:8080'}
    onwards = access.check(Request(target='/?a=1&token=the+token', headers=headers))
    assert onwards == '/?a=1'
    cookie = f'other=1; {COOKIE}="{TOKEN}"'
    assert access.check(Request(target=onwards, headers=headers | {'cookie': cookie})) == ''


def test_nobody_is_sent_to_another_site():
    request = Request(target='//evil.example/?token=the+token', headers={'host': 'robot'})
    assert Access(token=TOKEN).check(request) == '/'


@pytest.mark.parametrize(
    ('target', 'cookie'),
    [('/', ''), ('/?token=', ''), ('/?token=wrong', ''), ('/', f'{COOKIE}=wrong'), ('/', 'x;=;;')],
)
def test_without_the_right_token_nothing_is_served(target, cookie):
    headers = {'host': 'localhost:8080', 'cookie': cookie}
    with pytest.raises(AccessError, match='the token is missing or wrong'):
        Access(token=TOKEN).check(Request(target=target, headers=headers))


def test_even_with_the_cookie_another_sites_script_is_refused():
    headers = OURS | {'origin': 'http://evil.example', 'cookie': f'{COOKIE}="{TOKEN}"'}
    with pytest.raises(AccessError, match='may not use'):
        Access(token=TOKEN).check(Request(target='/', headers=headers))


def test_heads_are_read_whatever_the_case_of_their_names():
    head = b'GET /a?b=c HTTP/1.1\r\nHOST: x:1\r\nCookie: k=v\r\n\r\n'
    request = read_head(head)
    assert (request.target, request.query) == ('/a?b=c', {'b': 'c'})
    assert request.headers == {'host': 'x:1', 'cookie': 'k=v'}
    with pytest.raises(AccessError, match='not HTTP'):
        read_head(b'\x16\x03\x01\r\n\r\n')
