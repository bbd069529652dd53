from tortoise import migrations
from tortoise.migrations import operations as ops
from models.enums import GrantKind, Layer, OutboxKind, ReviewAnswer
from models.ids import new_id
from models.state_only import EnumGrows
from tortoise.fields.base import OnDelete
from uuid import uuid4
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0001_initial')]

    initial = False

    operations = [
        ops.CreateModel(
            name='AccessToken',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('person', fields.ForeignKeyField('models.User', source_field='person_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('name', fields.CharField(max_length=100)),
                ('token_hash', fields.CharField(unique=True, max_length=64)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('revoked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'access_tokens', 'app': 'models', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='FloorVersion',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant', fields.CharField(max_length=64)),
                ('version', fields.IntField()),
                ('document', fields.TextField(unique=False)),
                ('author', fields.CharField(max_length=200)),
                ('note', fields.CharField(null=True, max_length=500)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'floor_versions', 'app': 'models', 'unique_together': (('tenant', 'version'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Freeze',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant', fields.CharField(max_length=64)),
                ('agent_id', fields.UUIDField(null=True)),
                ('reason', fields.CharField(null=True, max_length=500)),
                ('frozen_by', fields.CharField(max_length=200)),
                ('frozen_by_name', fields.CharField(max_length=200)),
                ('frozen_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('lifted_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('lifted_by', fields.CharField(null=True, max_length=200)),
            ],
            options={'table': 'freezes', 'app': 'models', 'indexes': [Index(fields=['tenant', 'lifted_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Grant',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant', fields.CharField(max_length=64)),
                ('agent', fields.ForeignKeyField('models.Agent', source_field='agent_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('giver', fields.ForeignKeyField('models.User', source_field='giver_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('kind', fields.CharEnumField(description='EXACT: exact\nKIND: kind\nGRADUATED: graduated', enum_type=GrantKind, max_length=12)),
                ('action_type', fields.CharField(max_length=100)),
                ('tool', fields.CharField(null=True, max_length=200)),
                ('bounds', fields.TextField(unique=False)),
                ('session', fields.CharField(null=True, max_length=200)),
                ('approval_id', fields.UUIDField(null=True)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('max_uses', fields.IntField()),
                ('uses', fields.IntField(default=0)),
                ('last_used_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('revoked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('revoked_by', fields.CharField(null=True, max_length=200)),
                ('revoked_by_name', fields.CharField(null=True, max_length=200)),
            ],
            options={'table': 'grants', 'app': 'models', 'indexes': [Index(fields=['agent_id', 'revoked_at', 'expires_at']), Index(fields=['tenant', 'created_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Meter',
            fields=[
                ('agent_id', fields.UUIDField(primary_key=True, default=uuid4, unique=True, db_index=True)),
                ('counted_from', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'meters', 'app': 'models', 'pk_attr': 'agent_id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Review',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant', fields.CharField(max_length=64)),
                ('grant', fields.ForeignKeyField('models.Grant', source_field='grant_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('person_id', fields.UUIDField()),
                ('check_id', fields.UUIDField(unique=True)),
                ('request', fields.TextField(unique=False)),
                ('ran_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('answer', fields.CharEnumField(null=True, description='RIGHT: right\nWRONG: wrong', enum_type=ReviewAnswer, max_length=8)),
                ('answered_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('answered_by_name', fields.CharField(null=True, max_length=200)),
            ],
            options={'table': 'reviews', 'app': 'models', 'indexes': [Index(fields=['grant_id', 'ran_at'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Tally',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('agent_id', fields.UUIDField()),
                ('action_type', fields.CharField(max_length=100)),
                ('tool', fields.CharField(default='', max_length=200)),
                ('minute', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('count', fields.IntField()),
                ('sums', fields.TextField(unique=False)),
            ],
            options={'table': 'tallies', 'app': 'models', 'unique_together': (('agent_id', 'action_type', 'tool', 'minute'),), 'indexes': [Index(fields=['agent_id', 'minute'])], 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Agent',
            name='checks_per_minute',
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name='Agent',
            name='labels',
            field=fields.TextField(default='{}', unique=False),
        ),
        ops.AddField(
            model_name='Agent',
            name='max_pending',
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name='Agent',
            name='observe_until',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='ApprovalRequest',
            name='floor_version',
            field=fields.IntField(null=True),
        ),
        ops.AddField(
            model_name='ApprovalRequest',
            name='layer',
            field=fields.CharEnumField(default=Layer.POLICY, description='POLICY: policy\nDEFAULT: default\nFLOOR: floor\nGRANT: grant\nOBSERVE: observe\nFREEZE: freeze\nPAUSE: pause', enum_type=Layer, max_length=8),
        ),
        ops.AddField(
            model_name='ApprovalRequest',
            name='shape',
            field=fields.CharField(default='', max_length=64),
        ),
        ops.AddIndex(
            model_name='ApprovalRequest',
            index=Index(fields=['agent_id', 'shape', 'resolved_at']),
        ),
        EnumGrows(
            model_name='OutboxMessage',
            name='kind',
            field=fields.CharEnumField(description='APPROVAL_CARD: approval_card\nCARD_UPDATE: card_update\nTEXT: text\nREPLY: reply\nEXECUTE: execute\nLEARN_NAME: learn_name\nCARD: card\nREPLAY: replay\nRESOLVE_IDENTITY: resolve_identity', enum_type=OutboxKind, max_length=20),
        ),
    ]
