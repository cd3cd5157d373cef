import time, sqlalchemy as sa
from datetime import timedelta
from beholden.backends.sql.directory import grants, uses
from beholden.journeys import expire
from beholden.journeys.expire import _running_out
from tests.conftest import START
def test_big(house):
    app=house.app()
    N=200_000
    with house.engines.store.write() as unit:
        c=unit.directory._connection
        c.execute(grants.insert(),[dict(person=n,id=f"g{n}",app=app.number,fields='["name"]',through_fields='[]',purposes='["x"]',granted_at=START,ends_at=START+timedelta(days=365),state="active",reason=None,ended_at=None) for n in range(1,N)])
        for d in range(3):
            c.execute(uses.insert(),[dict(person=n,app=app.number,day=(START+timedelta(days=d)).date().toordinal(),last_at=START+timedelta(days=d)) for n in range(1,N)])
    t=time.time(); print(expire.sweep(house.engines), time.time()-t)
    house.clock.set(START+timedelta(days=93))
    t=time.time()
    with house.engines.store.write() as unit:
        p=unit.directory.policy(); print(len(_running_out(unit,p,house.clock.now(),timedelta(0),None)), time.time()-t)
        t=time.time(); print(len(_running_out(unit,p,house.clock.now(),timedelta(0),(150000,"g150000"))), time.time()-t)
    t=time.time(); print(expire.sweep(house.engines), time.time()-t)
