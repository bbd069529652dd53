from tortoise import migrations
from tortoise.migrations import operations as ops
from models.enums import AskedAs, Delivery, Employment, Nudge, OutboxKind, Severity, Via
from models.ids import new_id
from models.state_only import EnumGrows
from tortoise.fields.base import OnDelete
from tortoise import fields
from tortoise.indexes import Index

class Migration(migrations.Migration):
    dependencies = [('models', '0002_trusted_policy')]

    initial = False

    operations = [
        ops.CreateModel(
            name='AskingPlanVersion',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('tenant', fields.CharField(max_length=64)),
                ('version', fields.IntField()),
                ('document', fields.TextField(unique=False)),
                ('author', fields.CharField(max_length=200)),
                ('note', fields.CharField(null=True, max_length=500)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'asking_plan_versions', 'app': 'models', 'unique_together': (('tenant', 'version'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Consent',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('approval', fields.ForeignKeyField('models.ApprovalRequest', source_field='approval_id', db_constraint=True, to_field='id', related_name='consents', on_delete=OnDelete.RESTRICT)),
                ('person', fields.ForeignKeyField('models.User', source_field='person_id', db_constraint=True, to_field='id', related_name=False, on_delete=OnDelete.RESTRICT)),
                ('person_name', fields.CharField(max_length=200)),
                ('action_digest', fields.CharField(max_length=71)),
                ('via', fields.CharEnumField(description='CARD: card\nCOMMAND: command\nEXPIRY: expiry\nAGENT: agent', enum_type=Via, max_length=12)),
                ('at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'consents', 'app': 'models', 'unique_together': (('approval', 'person', 'action_digest'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='NoticeHour',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('person_id', fields.UUIDField()),
                ('agent_id', fields.UUIDField()),
                ('begins_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('told', fields.IntField(default=0)),
                ('held', fields.IntField(default=0)),
            ],
            options={'table': 'notice_hours', 'app': 'models', 'unique_together': (('person_id', 'agent_id', 'begins_at'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='NudgeDay',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('person_id', fields.UUIDField()),
                ('day', fields.DateField()),
                ('nudge', fields.CharEnumField(description='THREAD: thread\nPIN: pin\nURGENT_APP: urgent_app\nURGENT_SMS: urgent_sms\nURGENT_PHONE: urgent_phone', enum_type=Nudge, max_length=12)),
                ('used', fields.IntField(default=0)),
            ],
            options={'table': 'nudge_days', 'app': 'models', 'unique_together': (('person_id', 'day', 'nudge'),), 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='QueueCard',
            fields=[
                ('id', fields.UUIDField(primary_key=True, default=new_id, unique=True, db_index=True)),
                ('person_id', fields.UUIDField(db_index=True)),
                ('app_id', fields.CharField(max_length=64)),
                ('message_id', fields.CharField(null=True, unique=True, max_length=80)),
                ('chat_id', fields.CharField(null=True, max_length=80)),
                ('approval_id', fields.UUIDField(null=True, db_index=True)),
                ('revision', fields.IntField(default=1)),
                ('shown_revision', fields.IntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('sent_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'queue_cards', 'app': 'models', 'pk_attr': 'id'},
            bases=['Model'],
        ),
        ops.AddField(
            model_name='Agent',
            name='backup_id',
            field=fields.UUIDField(null=True),
        ),
        EnumGrows(
            model_name='ApprovalRequest',
            name='delivery',
            field=fields.CharEnumField(default=Delivery.QUEUED, description='QUEUED: queued\nSENT: sent\nSEEN: seen\nACTED: acted\nDEGRADED: degraded\nUNDELIVERABLE: undeliverable', enum_type=Delivery, max_length=14),
        ),
        ops.AddField(
            model_name='ApprovalRequest',
            name='approvals_needed',
            field=fields.IntField(default=1),
        ),
        ops.AddField(
            model_name='ApprovalRequest',
            name='duties_separated',
            field=fields.BooleanField(default=False),
        ),
        ops.AddField(
            model_name='ApprovalRequest',
            name='original_digest',
            field=fields.CharField(null=True, max_length=71),
        ),
        ops.AddField(
            model_name='ApprovalRequest',
            name='original_rendezvous',
            field=fields.CharField(null=True, db_index=True, max_length=64),
        ),
        ops.AddField(
            model_name='ApprovalRequest',
            name='original_request',
            field=fields.TextField(null=True, unique=False),
        ),
        ops.AddField(
            model_name='ApprovalRequest',
            name='plan',
            field=fields.TextField(default='', unique=False),
        ),
        ops.AddField(
            model_name='ApprovalRequest',
            name='plan_version',
            field=fields.IntField(default=0),
        ),
        ops.AddField(
            model_name='ApprovalRequest',
            name='preset',
            field=fields.CharField(null=True, max_length=40),
        ),
        ops.AddField(
            model_name='ApprovalRequest',
            name='seen_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='ApprovalRequest',
            name='severity',
            field=fields.CharEnumField(default=Severity.NORMAL, description='NORMAL: normal\nHIGH: high\nCRITICAL: critical', enum_type=Severity, max_length=8),
        ),
        EnumGrows(
            model_name='CardCopy',
            name='state',
            field=fields.CharEnumField(default=Delivery.QUEUED, description='QUEUED: queued\nSENT: sent\nSEEN: seen\nACTED: acted\nDEGRADED: degraded\nUNDELIVERABLE: undeliverable', enum_type=Delivery, max_length=14),
        ),
        ops.AddField(
            model_name='CardCopy',
            name='acted_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='CardCopy',
            name='asked_as',
            field=fields.CharEnumField(default=AskedAs.CREATOR, description='CREATOR: creator\nBACKUP: backup\nDELEGATE: delegate\nLEADER: leader\nADMIN: admin\nGROUP: group', enum_type=AskedAs, max_length=8),
        ),
        ops.AddField(
            model_name='CardCopy',
            name='asked_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='CardCopy',
            name='pinned',
            field=fields.BooleanField(default=False),
        ),
        ops.AddField(
            model_name='CardCopy',
            name='seen_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='CardCopy',
            name='snoozed_until',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddIndex(
            model_name='CardCopy',
            index=Index(fields=['person_id']),
        ),
        EnumGrows(
            model_name='OutboxMessage',
            name='kind',
            field=fields.CharEnumField(description='APPROVAL_CARD: approval_card\nCARD_UPDATE: card_update\nTEXT: text\nREPLY: reply\nEXECUTE: execute\nLEARN_NAME: learn_name\nCARD: card\nREPLAY: replay\nRESOLVE_IDENTITY: resolve_identity\nNUDGE: nudge\nUNPIN: unpin\nQUEUE_CARD: queue_card\nQUEUE_UPDATE: queue_update\nNOTICE: notice\nNOTICE_SUMMARY: notice_summary\nLOOK_UP: look_up\nCOMMANDS: commands', enum_type=OutboxKind, max_length=20),
        ),
        ops.AddField(
            model_name='User',
            name='away_since',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='User',
            name='away_until',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='User',
            name='delegate_id',
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name='User',
            name='digest_at',
            field=fields.CharField(null=True, max_length=5),
        ),
        ops.AddField(
            model_name='User',
            name='employment',
            field=fields.CharEnumField(default=Employment.ACTIVE, description='ACTIVE: active\nFROZEN: frozen\nLEFT: left', enum_type=Employment, max_length=8),
        ),
        ops.AddField(
            model_name='User',
            name='leader_id',
            field=fields.UUIDField(null=True),
        ),
        ops.AddField(
            model_name='User',
            name='looked_up_at',
            field=fields.DatetimeField(null=True, auto_now=False, auto_now_add=False),
        ),
        ops.AddField(
            model_name='User',
            name='quiet_hours',
            field=fields.CharField(null=True, max_length=11),
        ),
        ops.AddField(
            model_name='User',
            name='time_zone',
            field=fields.CharField(null=True, max_length=64),
        ),
        ops.AddField(
            model_name='User',
            name='working_days',
            field=fields.CharField(null=True, max_length=7),
        ),
        # An earlier form of 0002 built the outbox anew on SQLite and lost its indexes; a new column comes without one.
        ops.RunSQL('CREATE INDEX IF NOT EXISTS "idx_outbox_state_db472a" ON "outbox" ("state", "due_at")', ops.RunSQL.noop),
        ops.RunSQL('CREATE INDEX IF NOT EXISTS "idx_outbox_lane_050099" ON "outbox" ("lane", "state", "id")', ops.RunSQL.noop),
        ops.RunSQL('CREATE INDEX IF NOT EXISTS "idx_outbox_approva_401d54" ON "outbox" ("approval_id")', ops.RunSQL.noop),
        ops.RunSQL('CREATE INDEX IF NOT EXISTS "idx_approval_re_origina_68fbeb" ON "approval_requests" ("original_rendezvous")', ops.RunSQL.noop),
    ]
